// What can be picked to start with.

import { tidy } from "./json.js";

const broker = { hostName: "kafka.example.com", port: "9092" };

const maps = {
  ...broker,
  topic: "events",
  enableMultiTopic: true,
  eventTypeToTopicMap: [
    { from: "identify", to: "people" },
    { from: "page", to: "views" },
  ],
  eventToTopicMap: [
    { from: "Order Completed", to: "orders" },
    { from: "Product Viewed", to: "" },
  ],
};

const order = {
  type: "track",
  event: "Order Completed",
  userId: "u-42",
  properties: { order_id: "o-1001", total: 99.9 },
};

function sample(name, event, destination, family = "kafka") {
  const text = (value) => tidy(JSON.stringify(value));
  // A message alone would get a rudderId of "undefined", as on the wire.
  const whole = (message) => ({ message, metadata: { rudderId: "r-1" } });
  const events = Array.isArray(event) ? event : whole(event);
  return { name, event: text(events), destination: text(destination), family };
}

export const SAMPLES = [
  sample("A topic by the event's name", order, maps),
  sample("A topic by the event's type", { type: "identify", userId: "u-42", traits: { plan: "gold" } }, maps),
  sample("A topic that the message asks for", { ...order, integrations: { All: true, KAFKA: { topic: "urgent" } } }, maps),
  sample("A map entry that leads nowhere", { ...order, event: "Product Viewed", userId: "", anonymousId: "a-7" }, maps),
  sample(
    "A template that takes a value out of the event",
    { ...order, properties: { ...order.properties, region: "eu" } },
    { ...broker, topic: "{{ event.properties.region || world }}", note: "{{ event.context.campaign || none }}" },
  ),
  sample(
    "A reverse-ETL event that gets a timestamp",
    {
      type: "track",
      event: "Row Changed",
      channel: "sources",
      userId: "row-17",
      context: { sources: { job_id: "j-3" } },
      originalTimestamp: "2026-03-04T10:00:00.000Z",
      properties: { timestamp: "2026-03-04T09:58:31.000Z", price: 3 },
    },
    { ...broker, topic: "warehouse" },
  ),
  sample(
    "A topic that Kafka does not allow",
    { ...order, properties: { ...order.properties, tenant: "Acme Inc / EU" } },
    { ...broker, topic: "{{ event.properties.tenant || events }}" },
  ),
  sample(
    "Several whole events, one of them rejected",
    [
      { message: order, metadata: { jobId: 1, rudderId: "r-1" } },
      { message: { type: "page", name: "Home", anonymousId: "a-7" }, metadata: { jobId: 2, rudderId: "r-2" } },
      { message: { type: "identify", userId: "u-43" }, metadata: null },
    ],
    { ID: "d-1", Config: maps },
  ),
  sample(
    "Azure Event Hubs, which has no topic maps",
    { ...order, integrations: { AZURE_EVENT_HUB: { topic: "hub-2" } } },
    { topic: "hub-1", ...maps },
    "azure_event_hub",
  ),
];
