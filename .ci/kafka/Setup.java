import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Creates the topics of the checks, and their ACLs. */
class Setup {
    public static void main(String[] arguments) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            admin.createTopics(List.of(
                new NewTopic("orders", 3, (short) 1),
                new NewTopic("users", 1, (short) 1),
                new NewTopic("small", 1, (short) 1).configs(Map.of("max.message.bytes", "500000")),
                new NewTopic("read-only", 1, (short) 1),
                new NewTopic("private", 1, (short) 1))).all().get();
            admin.createAcls(List.of(
                allow("read-only", "User:rudder", AclOperation.READ),
                allow("private", "User:somebody-else", AclOperation.ALL))).all().get();
        }
    }

    private static AclBinding allow(String topic, String user, AclOperation operation) {
        return new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
            new AccessControlEntry(user, "*", operation, AclPermissionType.ALLOW));
    }
}
