import { Admission } from '../../lib/ingress/admission';
import { Ingress } from '../../lib/ingress/ingress';
import { getRegistry } from '../../lib/metrics/store';
import { freshRegistry } from '../../lib/testing';
import { memoryResponsePlane } from '../../lib/transports/memory/planes';
import { encodeControlMessage } from '../../lib/wire/control-message';
import { encodeTwoPart } from '../../lib/wire/two-part';
import { eventually } from '../support/eventually';
import { readings } from '../support/readings';

const ADDRESS = { namespace: 'n', component: 'c', endpoint: 'e' };

/** A door with a handler behind it, and one well-formed request. */
async function door(handler: () => unknown, onDial = () => {}) {
  freshRegistry();
  const { server, client } = memoryResponsePlane();
  const pending = await server.expect('id');
  const { connectionInfo } = pending;
  const control = encodeControlMessage({
    id: 'id',
    requestType: 'single_in',
    responseType: 'many_out',
    connectionInfo,
  });
  const ingress = Ingress.forEngine(handler).addMetrics(ADDRESS);
  const admission = new Admission(ingress, (...args) => {
    onDial();
    return client.dial(...args);
  });
  return { admission, pending, payload: encodeTwoPart(control, '1'), close: () => server.close() };
}

describe('the door of an endpoint', () => {
  it('acknowledges a request before it runs, and counts it from then on', async () => {
    const log: string[] = [];
    const { admission, payload, pending, close } = await door(
      () => void log.push('handled'),
      () => void log.push('dialled'),
    );
    const ack = admission.accept(payload, {});
    expect(admission.running).toBe(1);
    expect(await ack).toHaveLength(0);
    log.push('acknowledged');
    expect(await readings(getRegistry(), ADDRESS)).toMatchObject({ requests: 1, inflight: 1, ended: 0 });
    const receiver = await pending.connected;
    await receiver.receive();
    receiver.close();
    await eventually('it is over', () => admission.running === 0);
    expect(log).toEqual(['acknowledged', 'dialled', 'handled']);
    await close();
  });

  it('drains a request that was acknowledged and has not begun', async () => {
    const { admission, payload, pending, close } = await door(() => 'answer');
    await admission.accept(payload, {});
    const drained = admission.drain();
    expect(admission.drain({ deadlineMs: 0 })).toBe(drained);
    expect(Buffer.from(await admission.accept(payload, {})).toString()).toBe('Server unavailable: draining');
    const receiver = await pending.connected;
    let frame = '';
    while (!frame.includes('sentinel')) frame = Buffer.from((await receiver.receive())!).toString();
    receiver.close();
    await drained;
    expect(admission.running).toBe(0);
    await close();
  });

  it('drains at once when nothing runs', async () => {
    const { admission, close } = await door(() => 'answer');
    await admission.drain();
    await close();
  });
});
