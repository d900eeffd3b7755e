import fs, { mkdirSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDiscovery } from '../../lib/discovery/file';
import { resolveFileOptions } from '../../lib/discovery/file-options';
import { encodeRecord } from '../../lib/discovery/file-record';
import { log } from '../../lib/internal/logger';
import { eventually } from '../support/eventually';
import { fileName, FILTER, Following, instance, listenToLog, Store } from './file-support';
import { discoverySuite } from './suite';

const BIG = 2n ** 64n - 1n;
const QUICK = { ttlMs: 300, touchIntervalMs: 50, listIntervalMs: 50 };
const aged = (seconds: number) => new Date(Date.now() - seconds * 1_000);

let store: Store;
beforeEach(() => (store = new Store()));
afterEach(() => {
  jest.restoreAllMocks();
  log.use('off', () => {});
  return store.dispose();
});

discoverySuite(() => store.open());

describe('registering', () => {
  it('writes one whole file of the upstream layout and deletes it again', async () => {
    const registration = await store.open().register(instance(BIG));
    expect(store.files()).toEqual([fileName('ffffffffffffffff')]);
    expect(store.read(fileName('ffffffffffffffff'))).toBe(encodeRecord(instance(BIG)));
    expect(fs.readdirSync(store.root)).toEqual(['v1']);
    await Promise.all([registration.unregister(), registration.unregister()]);
    expect(store.files()).toEqual([]);
  });

  it('gives one key to one of many who want it at once', async () => {
    const attempts = Array.from({ length: 8 }, () => store.open().register(instance(7n)));
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
    }
    expect(store.files()).toEqual([fileName('7')]);
    expect(fs.readdirSync(store.root)).toEqual(['v1']);
  });

  it('takes the place of a file that a dead process left', async () => {
    await store.open().register(instance(1n));
    const path = join(store.bucket, fileName('7'));
    writeFileSync(path, 'old');
    utimesSync(path, aged(11), aged(11));
    await store.open().register(instance(7n));
    expect(store.read(fileName('7'))).toBe(encodeRecord(instance(7n)));
  });

  it('does without hard links where there are none', async () => {
    jest.spyOn(promises, 'link').mockRejectedValue(Object.assign(new Error('not here'), { code: 'ENOTSUP' }));
    await store.open().register(instance(7n));
    expect(store.read(fileName('7'))).toBe(encodeRecord(instance(7n)));
    await expect(store.open().register(instance(7n))).rejects.toMatchObject({ code: 'PROFILED_TARGET_INVALID' });
    expect(fs.readdirSync(store.root)).toEqual(['v1']);
  });

  it('renews the lease of its files', async () => {
    await store.open(QUICK).register(instance(7n));
    const path = join(store.bucket, fileName('7'));
    utimesSync(path, aged(5), aged(5));
    await eventually('a touch', () => Date.now() - fs.statSync(path).mtimeMs < 1_000);
  });

  it('writes a file again that someone swept, and says so', async () => {
    const lines = listenToLog();
    await store.open(QUICK).register(instance(7n));
    rmSync(store.root, { recursive: true });
    await eventually('the file', () => fs.existsSync(join(store.bucket, fileName('7'))));
    expect(store.read(fileName('7'))).toBe(encodeRecord(instance(7n)));
    await eventually('the log', () => lines.length === 1);
    expect(lines[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('vanished') });
  });

  it('logs a lease that can not be renewed once, and goes on', async () => {
    const lines = listenToLog();
    await store.open(QUICK).register(instance(7n));
    const failing = jest.spyOn(promises, 'utimes').mockRejectedValue(Object.assign(new Error('EIO'), { code: 'EIO' }));
    await eventually('three rounds', () => failing.mock.calls.length >= 3);
    failing.mockRestore();
    const path = join(store.bucket, fileName('7'));
    utimesSync(path, aged(5), aged(5));
    await eventually('a touch', () => Date.now() - fs.statSync(path).mtimeMs < 1_000);
    expect(lines).toHaveLength(1);
  });

  it('sweeps what was left of writes that a kill cut short', async () => {
    for (const [name, age] of [
      ['.tmp_00', 60],
      ['.tmp_01', 0],
      ['other', 60],
    ] as const) {
      writeFileSync(join(store.root, name), '');
      utimesSync(join(store.root, name), aged(age), aged(age));
    }
    await store.open().register(instance(7n));
    await eventually('the sweep', () => !fs.existsSync(join(store.root, '.tmp_00')));
    expect(fs.readdirSync(store.root).sort()).toEqual(['.tmp_01', 'other', 'v1']);
  });
});

describe('watching', () => {
  it('makes a directory that does not exist yet, and finds it again after it was deleted', async () => {
    const following = await Following.start(store.open({ listIntervalMs: 50 }));
    expect(following.watch.snapshot).toEqual([]);
    await store.open().register(instance(1n));
    await eventually('the first', () => following.known.has(1n));
    rmSync(store.root, { recursive: true });
    await eventually('no instance', () => following.known.size === 0);
    await store.open().register(instance(2n));
    await eventually('the second', () => following.known.has(2n));
  });

  it('sees changes without events, too', async () => {
    const lines = listenToLog();
    jest.spyOn(fs, 'watch').mockImplementation(() => {
      throw Object.assign(new Error('no watches left'), { code: 'ENOSPC' });
    });
    const following = await Following.start(store.open({ listIntervalMs: 20 }));
    const registration = await store.open().register(instance(1n));
    await eventually('the instance', () => following.known.has(1n));
    await registration.unregister();
    await eventually('its end', () => !following.known.has(1n));
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', message: expect.stringContaining('no events') })]);
  });

  it('reads a file again that was empty, then half written, when it was first seen', async () => {
    const lines = listenToLog();
    const following = await Following.start(store.open());
    const path = join(store.bucket, fileName('7'));
    writeFileSync(path, '');
    await store.open().register(instance(1n));
    await eventually('another one', () => following.known.has(1n));
    fs.appendFileSync(path, encodeRecord(instance(7n)).slice(0, 50));
    fs.appendFileSync(path, encodeRecord(instance(7n)).slice(50));
    await eventually('the whole file', () => following.known.has(7n));
    expect(lines).toEqual([]);
  });

  it('sees what upstream puts there by rename, and a file that takes the place of another', async () => {
    const following = await Following.start(store.open());
    const place = (address: string) => {
      const temporary = join(store.bucket, '.tmp_0123456789abcdef');
      writeFileSync(temporary, encodeRecord(instance(7n, { transport: { kind: 'tcp', address } })));
      renameSync(temporary, join(store.bucket, fileName('7')));
    };
    place('127.0.0.1:1/7');
    await eventually('the first', () => following.known.get(7n)?.transport.address === '127.0.0.1:1/7');
    place('127.0.0.1:2/7');
    await eventually('the second', () => following.known.get(7n)?.transport.address === '127.0.0.1:2/7');
    expect(following.changes).toEqual(['put 7', 'put 7']);
  });

  it('passes over what is not for it, and logs what is no record, once', async () => {
    const lines = listenToLog();
    const worker = store.open();
    await worker.register(instance(1n));
    writeFileSync(join(store.bucket, '.tmp_0123456789abcdef'), '{');
    writeFileSync(join(store.bucket, fileName('2')), '{"broken');
    writeFileSync(join(store.bucket, fileName('3')), encodeRecord(instance(4n)));
    writeFileSync(join(store.bucket, fileName('5')), '{"type":"Endpoint","transport":{"http":"http://h/"}}');
    writeFileSync(join(store.bucket, 'elsewhere%2Fx'), '{"broken');
    mkdirSync(join(store.bucket, fileName('6')));
    const following = await Following.start(store.open({ listIntervalMs: 20 }));
    await eventually('the log', () => lines.length >= 3);
    const atFirst = lines.length;
    let listings = 0;
    jest.spyOn(promises, 'readdir').mockImplementation(async () => {
      listings++;
      return fs.readdirSync(store.bucket) as never;
    });
    await eventually('a few more listings', () => listings > 5);
    expect(following.ids).toEqual([1n]);
    expect(lines.map(({ fields }) => fields.file).sort()).toEqual(['2', '3', '6'].map(fileName));
    expect(lines).toHaveLength(atFirst);
  });

  it('is fast with thousands of files, and reads none twice', async () => {
    const count = 3_000;
    await store.open().register(instance(1n));
    const reading = jest.spyOn(promises, 'readFile');
    for (let id = 2; id <= count; id++) {
      writeFileSync(join(store.bucket, fileName(id.toString(16))), encodeRecord(instance(BigInt(id))));
    }
    const following = await Following.start(store.open({ listIntervalMs: 20 }));
    expect(following.watch.snapshot).toHaveLength(count);
    unlinkSync(join(store.bucket, fileName('2')));
    await eventually('one less', () => following.known.size === count - 1);
    expect(reading).toHaveBeenCalledTimes(count);
  });
});

describe('the lease of others', () => {
  it('ends when a file is not touched any more, without any event, and the file is deleted', async () => {
    await store.open().register(instance(1n));
    const path = join(store.bucket, fileName('7'));
    writeFileSync(path, encodeRecord(instance(7n)));
    // The listing interval is far longer than the lease: the expiry alone has to bring it about.
    const options = { ttlMs: 400, touchIntervalMs: 100, listIntervalMs: 60_000 };
    const following = await Following.start(store.open(options));
    expect(following.ids).toContain(7n);
    await eventually('its end', () => !following.known.has(7n), 1_500);
    await eventually('no file', () => !fs.existsSync(path));
  });

  it('is over before a watch begins', async () => {
    await store.open().register(instance(1n));
    const path = join(store.bucket, fileName('7'));
    writeFileSync(path, encodeRecord(instance(7n)));
    utimesSync(path, aged(11), aged(11));
    const following = await Following.start(store.open());
    expect(following.ids).toEqual([1n]);
    expect(store.files()).toEqual([fileName('1')]);
  });

  it('goes on for one who touches, and his own never ends here', async () => {
    const discovery = store.open({ ttlMs: 200, touchIntervalMs: 100, listIntervalMs: 20 });
    await discovery.register(instance(1n));
    const other = store.open({ ttlMs: 200, touchIntervalMs: 20 });
    await other.register(instance(2n));
    const following = await Following.start(discovery);
    const until = performance.now() + 600;
    await eventually('three leases later', () => {
      // As after a long pause of this process' event loop.
      utimesSync(join(store.bucket, fileName('1')), aged(60), aged(60));
      return performance.now() > until;
    });
    expect(following.ids).toEqual([1n, 2n]);
    expect(following.changes).toEqual([]);
  });

  it('is told of anew after a sweep by someone else', async () => {
    const following = await Following.start(store.open(QUICK));
    await store.open(QUICK).register(instance(1n));
    await eventually('the instance', () => following.known.has(1n));
    unlinkSync(join(store.bucket, fileName('1')));
    await eventually('both changes', () => following.changes.length === 3);
    expect(following.changes).toEqual(['put 1', 'delete 1', 'put 1']);
  });
});

describe('closing', () => {
  it('leaves no file, no timer and no watch', async () => {
    const before = process.getActiveResourcesInfo().sort();
    const discovery = store.open(QUICK);
    await discovery.register(instance(1n));
    const following = await Following.start(discovery);
    await Promise.all([discovery.close(), discovery.close()]);
    expect(store.files()).toEqual([]);
    expect(process.getActiveResourcesInfo().sort()).toEqual(before);
    expect(following.changes).toEqual([]);
    await expect(discovery.register(instance(2n))).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(discovery.watch(FILTER, () => {})).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
  });

  it('takes back what is on its way', async () => {
    const discovery = store.open();
    const registering = discovery.register(instance(1n));
    const watching = discovery.watch(FILTER, () => {});
    const closing = discovery.close();
    await expect(registering).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await expect(watching).rejects.toMatchObject({ code: 'PROFILED_SHUTDOWN' });
    await closing;
    expect(store.files()).toEqual([]);
  });
});

describe('options', () => {
  it('have the defaults of upstream', () => {
    const root = join(tmpdir(), 'dynamo_store_kv');
    const bucket = join(root, 'v1', 'instances');
    expect(resolveFileOptions({})).toEqual({
      root,
      bucket,
      ttlMs: 10_000,
      touchIntervalMs: 3_000,
      listIntervalMs: 3_000,
    });
    expect(resolveFileOptions({ ttlMs: 300 })).toMatchObject({ touchIntervalMs: 100, listIntervalMs: 100 });
  });

  it.each([
    [{ root: ' ' }, '`root`'],
    [{ ttlMs: 0 }, '`ttlMs`'],
    [{ ttlMs: Number.NaN }, '`ttlMs`'],
    [{ listIntervalMs: -1 }, '`listIntervalMs`'],
    [{ touchIntervalMs: 6_000 }, 'at most half of `ttlMs` (10000)'],
  ])('%j is refused', (options, text) => {
    const expected = expect.objectContaining({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringContaining(text),
    });
    expect(() => new FileDiscovery(options)).toThrow(expected);
  });

  it('a root that can not be used is named with the reason', async () => {
    const file = join(store.root, 'file');
    writeFileSync(file, '');
    const expected = {
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringMatching(/root of file discovery, .*file, can not be used: .*ENOTDIR/),
    };
    await expect(store.open({ root: file }).register(instance(1n))).rejects.toMatchObject(expected);
    await expect(store.open({ root: file }).watch(FILTER, () => {})).rejects.toMatchObject(expected);
  });

  it('a file system that can not take the file is named with the reason', async () => {
    jest
      .spyOn(promises, 'writeFile')
      .mockRejectedValue(Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' }));
    await expect(store.open().register(instance(1n))).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringContaining('EROFS: read-only'),
    });
  });

  it('the memory plane is refused', async () => {
    const transport = { kind: 'memory', address: 'memory:1' } as const;
    await expect(store.open().register(instance(1n, { transport }))).rejects.toMatchObject({
      code: 'PROFILED_CONFIG_INVALID',
      message: expect.stringContaining('`tcp`'),
    });
  });
});
