import { messageOf, ProfiledError } from '../../errors';
import { COLLECT_TIMEOUT_MS } from '../../metrics/exposition/collect';
import { render } from '../../metrics/exposition/render';
import { Slices } from '../../metrics/exposition/slices';
import { getRegistryInSlices } from '../../metrics/store';
import { compress } from '../content-coding';
import { type PushOptions, type ResolvedPush, resolvePush } from './options';
import { send } from './send';

/**
 * Brings the metrics to a Prometheus Pushgateway, for a job that ends before anyone can scrape it: call it at the end, and await it.
 * A service should be scraped instead. What is pushed is the text format 0.0.4; a metric that fails costs only itself. It is tried
 * once.
 *
 * @example
 * await pushMetrics({ url: 'http://pushgateway:9091', job: 'nightly', grouping: { shard: '3' } });
 * @throws PROFILED_CONFIG_INVALID naming the option, PROFILED_PUSH_FAILED if the Pushgateway can not be reached or refuses it,
 *   PROFILED_TIMEOUT if it takes longer than `timeoutMs`
 */
export async function pushMetrics(options: PushOptions): Promise<void> {
  const push = resolvePush(options);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), push.timeoutMs);
  try {
    const { status, text } = await send(push, await bodyOf(push), controller.signal);
    if (status < 200 || status > 299) throw failure(push, `answered ${status}${text === '' ? '' : `: ${text}`}`);
  } catch (error) {
    if (ProfiledError.is(error)) throw error;
    if (!controller.signal.aborted) throw failure(push, `could not be reached: ${messageOf(error)}`, error);
    const message = `pushing to ${push.target.href} took longer than \`timeoutMs\`, ${push.timeoutMs} ms. Raise it, or look after the Pushgateway.`;
    throw new ProfiledError('PROFILED_TIMEOUT', message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function bodyOf({ mode, registry, gzip, timeoutMs }: ResolvedPush): Promise<readonly Buffer[]> {
  if (mode === 'delete') return [];
  const slices = new Slices();
  const { chunks } = await render(registry ?? (await getRegistryInSlices(slices)), {
    slices,
    timeoutMs: Math.min(COLLECT_TIMEOUT_MS, timeoutMs),
  });
  return gzip ? compress(chunks, 'gzip') : chunks;
}

function failure({ target }: ResolvedPush, what: string, cause?: unknown): ProfiledError {
  return new ProfiledError('PROFILED_PUSH_FAILED', `the Pushgateway at ${target.href} ${what}`, { cause });
}
