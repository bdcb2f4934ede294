// @fastify/rate-limit. Arguments: the latency in ms, and the limiter's options as JSON.
const fastify = require('fastify')()
const { setTimeout } = require('node:timers/promises')

const latency = Number(process.argv[2])
fastify.register(require('@fastify/rate-limit'), JSON.parse(process.argv[3]))
fastify.after(() => {
  fastify.post('/*', async () => {
    await setTimeout(latency)
    return 'done'
  })
})
fastify.listen({ port: 0, host: '127.0.0.1' }).then(() => console.log(fastify.server.address().port))
