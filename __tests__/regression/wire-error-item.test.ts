import { Annotated } from '../../lib/engine/annotated';

test.each<[unknown, string]>([
  [{ comment: 'boom' }, 'boom'],
  [{ comment: ['a', 'b'] }, 'a; b'],
  [{ error: { message: { nested: 1 } }, comment: ['text'] }, 'text'],
  [{ error: { message: 'plain' } }, 'plain'],
  [{}, 'unknown error'],
])('an error item with %j has a text, whatever a worker put into its fields', (fields, text) => {
  expect(new Annotated({ event: 'error', ...(fields as object) }).errorMessage).toBe(text);
});
