/**
 * Cases as rudder-transformer's tests lay them out, with all of TypeScript that such files have.
 */
import { ProcessorTestData } from '../../../testTypes';
import type { Destination } from '../../../../types';
import defaultTopic, { metadata, credentials as sasl } from '../../common';

type Config = { topic: string; enableMultiTopic?: boolean; eventToTopicMap?: Array<{ from: string; to: string }> };

const baseConfig: Partial<Config> = {
  topic: defaultTopic, // a name from a file beside
  ...sasl,
} as const;

const kafka = {
  ID: 'd1',
  Name: "orders to Kafka's broker",
  DestinationDefinition: { ID: 'def', Name: 'KAFKA', DisplayName: 'Apache Kafka', Config: {} },
  Config: baseConfig,
  Enabled: true,
  hasDynamicConfig: false,
} satisfies Record<string, unknown>;

const topics = ['orders', 'default-topic'];

export const data: ProcessorTestData[] = [
  {
    id: 'processor-1',
    name: 'kafka',
    description: 'The default topic, from constants of this file and of one beside',
    scenario: 'Default processor scenario',
    successCriteria: 'The event goes to the default topic',
    feature: 'processor',
    module: 'destination',
    version: 'v0',
    input: {
      request: {
        method: 'POST',
        body: [
          {
            message: {
              type: 'identify',
              userId: 'u1',
              traits: { 'quoted-name': 'it\'s "quoted"', 1: 'a number as a name', 0x10: .5, big: 1_000_000, none: null },
              notes: `two
lines, and \${no} substitution`,
              sign: '\u{1F600} \x41 \u00fc',
            },
            metadata,
            destination: kafka,
          },
        ],
      },
    },
    output: {
      response: {
        status: 200,
        body: [
          {
            output: {
              message: {
                type: 'identify',
                userId: 'u1',
                traits: { 16: 0.5, big: 1e6, none: null, '1': 'a number as a name', ["quoted-name"]: "it's \"quoted\"" },
                notes: 'two\nlines, and ${no} substitution',
                sign: '😀 A ü',
                missing: undefined,
              },
              topic: topics[1],
              userId: 'u1',
            },
            metadata: { ...metadata, rudderId: 'r1<<>>default-topic' },
            statusCode: 200,
          },
        ],
      },
    },
  },
  {
    name: 'kafka',
    description: 'An event that its map sends elsewhere, and one that is none',
    feature: 'processor',
    module: 'destination',
    version: 'v1',
    input: {
      request: {
        headers: { 'Content-Type': 'application/json' },
        pathSuffix: '?whatever=1',
        body: [
          {
            message: { type: 'track', event: 'Order Completed', anonymousId: 'a1' },
            metadata: { ...metadata, jobId: 2 },
            destination: {
              ...kafka,
              Config: { ...kafka.Config, enableMultiTopic: true, eventToTopicMap: [{ from: 'Order Completed', to: topics[0] }] },
            },
          },
          ...[null],
        ],
      },
    },
    output: {
      response: {
        status: 200,
        body: [
          {
            output: { message: { type: 'track', event: 'Order Completed', anonymousId: 'a1' }, topic: topics['0'], userId: 'a1' },
            metadata: { ...metadata, jobId: 2, rudderId: 'r1<<>>orders' },
            statusCode: 200,
          },
          {
            metadata: null,
            statusCode: 400,
            error: 'the event is not a JSON object',
            statTags: {
              errorCategory: 'dataValidation',
              errorType: 'instrumentation',
              destType: 'KAFKA',
              module: 'destination',
              implementation: 'native',
              feature: 'processor',
            },
          },
        ],
      },
    },
  } as unknown as ProcessorTestData,
];
