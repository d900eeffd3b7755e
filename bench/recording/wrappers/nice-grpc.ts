import type { CallContext, MethodDescriptor, ServerMiddlewareCall } from 'nice-grpc-common';
import { prometheusServerMiddleware } from 'nice-grpc-prometheus';
import type { Handler } from '../handlers';
import type { Wrapper } from '../wrapper';

const middleware = prometheusServerMiddleware();
const context = {} as CallContext;

function descriptor(index: number, responseStream: boolean): MethodDescriptor {
  return { path: `/bench.Recording/Handler${index}`, requestStream: false, responseStream, options: {} };
}

/** Runs the middleware as nice-grpc's server does, without that server: with the call, and with what comes after it. */
function unary(handler: Handler, method: MethodDescriptor): Handler {
  return {
    async generate(request) {
      const call: ServerMiddlewareCall<string, unknown> = {
        method,
        requestStream: false,
        request,
        responseStream: false,
        // eslint-disable-next-line require-yield -- a unary call has its answer as the generator's return value
        async *next(value) {
          return await handler.generate(value as string);
        },
      };
      const result = await middleware(call, context).next();
      return result.value;
    },
  };
}

function streaming(handler: Handler, method: MethodDescriptor): Handler {
  return {
    generate: (request) =>
      middleware<string, unknown>(
        {
          method,
          requestStream: false,
          request,
          responseStream: true,
          next: (value) => handler.generate(value as string) as AsyncGenerator<unknown, void, undefined>,
        },
        context,
      ),
  };
}

export const wrapper: Wrapper = {
  wrap(target, { shape }, index) {
    const isStream = shape === 'generator';
    return (isStream ? streaming : unary)(new target(), descriptor(index, isStream));
  },
};
