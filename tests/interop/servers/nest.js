// @nestjs/throttler. Arguments: the latency in ms, and the limiter's options as JSON.
require('reflect-metadata')
const { Controller, HttpCode, Module, Post } = require('@nestjs/common')
const { APP_GUARD, NestFactory } = require('@nestjs/core')
const { ThrottlerGuard, ThrottlerModule } = require('@nestjs/throttler')
const { setTimeout } = require('node:timers/promises')

const latency = Number(process.argv[2])

class Api {
  async answer () {
    await setTimeout(latency)
    return 'done'
  }
}
const answer = Object.getOwnPropertyDescriptor(Api.prototype, 'answer')
Controller()(Api)
Post('*path')(Api.prototype, 'answer', answer)
HttpCode(200)(Api.prototype, 'answer', answer)

class App {}
Module({
  imports: [ThrottlerModule.forRoot([JSON.parse(process.argv[3])])],
  controllers: [Api],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }]
})(App)

NestFactory.create(App, { logger: false })
  .then((app) => app.listen(0, '127.0.0.1'))
  .then((server) => console.log(server.address().port))
