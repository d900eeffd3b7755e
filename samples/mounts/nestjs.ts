/** Metrics as a NestJS module. Needs Node 20.19, npm install @nestjs/{common,core,platform-express} rxjs; runs like hono.ts. */
import type { Server } from 'node:http';
import { Controller, Get, type MiddlewareConsumer, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createMetricsHandler, Profiled } from 'profiled';
import { finish, serveUntilCtrlC } from '../support/process';

@Module({})
class MetricsModule {
  configure = (consumer: MiddlewareConsumer) => void consumer.apply(createMetricsHandler()).forRoutes('metrics');
}

@Controller('hello')
@Profiled('samples', 'nestjs', 'greet')
class Greeter {
  @Get(':name')
  async generate(@Param('name') name: string) {
    return `hello ${name}\n`;
  }
}

@Module({ imports: [MetricsModule], controllers: [Greeter] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(Number(process.env.PORT ?? 3000));
  await serveUntilCtrlC(app.getHttpServer() as Server);
}
finish(main());
