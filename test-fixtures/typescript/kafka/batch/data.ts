import { metadata } from '../../common';

const destination = { ID: 'd1', Config: { topic: 't' } };
const wrapped = (<const>{ message: { type: 'track', event: 'a' }, topic: 't', userId: 'u1' });

const grouped = [
  {
    name: 'kafka',
    description: 'Events of one topic make one group',
    feature: 'batch',
    module: 'destination',
    version: 'v0',
    input: {
      request: {
        body: {
          destType: 'kafka',
          input: [
            { message: wrapped, metadata, destination },
            { message: { ...wrapped, userId: 'u2' }, metadata: { ...metadata, jobId: 2 }, destination },
          ],
        },
      },
    },
    output: {
      response: {
        status: 200,
        body: [
          {
            batchedRequest: [wrapped, { ...wrapped, userId: 'u2' }],
            metadata: [metadata, { ...metadata, jobId: 2 }],
            batched: true,
            statusCode: 200,
            destination,
          },
        ],
      },
    },
  },
];

export default [...grouped];
