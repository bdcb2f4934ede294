// koa-ratelimit. Arguments: the latency in ms, and the limiter's options as JSON.
const Koa = require('koa')
const ratelimit = require('koa-ratelimit')
const { setTimeout } = require('node:timers/promises')

const latency = Number(process.argv[2])
const app = new Koa()
app.use(ratelimit({ driver: 'memory', db: new Map(), ...JSON.parse(process.argv[3]) }))
app.use(async (ctx) => {
  await setTimeout(latency)
  ctx.body = 'done'
})
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
