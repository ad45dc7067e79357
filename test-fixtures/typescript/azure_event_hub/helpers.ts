/**
 * Helpers as tests have them: functions that return literals, with parameters, defaults and overridden fields.
 */
export const baseUrl = 'sb://example';

export enum Topic {
  Default = 'hub',
  Orders = 'orders-hub',
}

interface Overrides {
  [name: string]: unknown;
}

export const generateMetadata = (jobId: number, userId = `user-${jobId}`): Record<string, unknown> => ({
  jobId,
  sourceId: 'source-1',
  destinationId: 'destination-1',
  rudderId: `${userId}-rudder`,
  userId,
});

export function generateTrack(event: string, { userId = 'u1', ...properties }: Overrides = {}) {
  const type = 'track';
  return { type, event, userId, properties: { ...properties, url: `${baseUrl}/${event}` } } as const;
}

const base = Object.freeze({
  ID: 'destination-1',
  DestinationDefinition: { ID: 'def', Name: 'AZURE_EVENT_HUB', DisplayName: 'Azure Event Hubs', Config: {} },
  Enabled: true,
});

export const overrideDestination = <T extends Overrides>(config: T = {} as T) =>
  Object.assign({}, base, { Config: { topic: Topic.Default, ...config } });
