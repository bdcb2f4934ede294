// hono-rate-limiter. Arguments: the latency in ms, and the limiter's options as JSON.
const { Hono } = require('hono')
const { serve } = require('@hono/node-server')
const { rateLimiter } = require('hono-rate-limiter')
const { setTimeout } = require('node:timers/promises')

const latency = Number(process.argv[2])
const app = new Hono()
app.use(rateLimiter({ keyGenerator: () => 'all', ...JSON.parse(process.argv[3]) }))
app.post('*', async (c) => {
  await setTimeout(latency)
  return c.text('done')
})
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(port))
