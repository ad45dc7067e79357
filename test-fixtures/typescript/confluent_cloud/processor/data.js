'use strict';

const data = [
  {
    name: 'confluent_cloud',
    description: 'It has no topic maps',
    feature: 'processor',
    module: 'destination',
    input: {
      request: {
        body: [
          {
            message: { type: 'track', event: 'a', userId: 'u1' },
            metadata: { jobId: 1, rudderId: 'r1' },
            destination: { Config: { topic: 't', enableMultiTopic: true, eventToTopicMap: [{ from: 'a', to: 'b' }] } },
          },
        ],
      },
    },
    output: {
      response: {
        status: 200,
        body: [
          {
            output: { message: { type: 'track', event: 'a', userId: 'u1' }, topic: 't', userId: 'u1' },
            metadata: { jobId: 1, rudderId: 'r1<<>>t' },
            statusCode: 200,
          },
        ],
      },
    },
  },
];

module.exports = { data };
