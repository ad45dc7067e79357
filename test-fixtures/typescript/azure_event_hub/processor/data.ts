import { ProcessorTestData } from '../../../testTypes';
import { generateMetadata, generateTrack, overrideDestination, Topic } from '../helpers';

const transformed = (jobId: number, topic: string, message: Record<string, unknown>) => {
  const { rudderId, ...metadata } = generateMetadata(jobId);
  return {
    output: { message, userId: 'u1', topic },
    metadata: { ...metadata, rudderId: `${rudderId}<<>>${topic}` },
    statusCode: 200,
  };
};

export const data: ProcessorTestData[] = [
  { id: 'helpers-1', topic: Topic.Default, config: {} },
  { id: 'helpers-2', topic: Topic.Orders, config: { topic: Topic.Orders } },
].map(({ id, topic, config }, index) => ({
  id,
  name: 'azure_event_hub',
  description: `An event for ${topic}, made by helpers of another file`,
  feature: 'processor',
  module: 'destination',
  version: 'v0',
  input: {
    request: {
      body: [
        {
          message: generateTrack('Order Completed', { total: 9.5 }),
          metadata: generateMetadata(index),
          destination: overrideDestination(config),
        },
      ],
    },
  },
  output: {
    response: {
      status: 200,
      body: [transformed(index, topic, generateTrack('Order Completed', { total: 9.5 }))],
    },
  },
}));
