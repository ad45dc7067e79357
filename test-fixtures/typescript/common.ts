// What the cases of several destinations share.
export const metadata = { jobId: 1, sourceId: 's1', destinationId: 'd1', workspaceId: 'w1', rudderId: 'r1' };

const secrets = { username: "nobody", 'password': `not a secret` };

export function unused(times: number): string {
  return `${times} } ] ) times`.replace(/[}\]'"`]/g, '');
}

export { secrets as credentials };
export default 'default-topic';
