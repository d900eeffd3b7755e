import { addressLabels } from '../../lib/metrics/standard';

test.each([
  ['my-ns', 'my_ns'],
  ['a.b', 'a_b'],
  ['9a', '_9a'],
  ['__x', 'x'],
  ['_x', '_x'],
  ['plain', 'plain'],
])('the dynamo naming shows %s as %s, as Dynamo itself does', (name, shown) => {
  expect(addressLabels({ namespace: name }, 'dynamo')).toEqual({ dynamo_namespace: shown });
  expect(addressLabels({ namespace: name }, 'plain')).toEqual({ namespace: name });
});
