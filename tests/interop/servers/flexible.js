// rate-limiter-flexible, as its documentation shows it for a plain server: Retry-After in seconds that
// may have a fraction. Arguments: the latency in ms, and the limiter's options as JSON.
const http = require('node:http')
const { RateLimiterMemory } = require('rate-limiter-flexible')

const latency = Number(process.argv[2])
const { headers, ...options } = JSON.parse(process.argv[3])
const limiter = new RateLimiterMemory(options)
const tell = (res, left) => {
  if (!headers) return
  res.setHeader('Retry-After', left.msBeforeNext / 1000)
  res.setHeader('X-RateLimit-Limit', options.points)
  res.setHeader('X-RateLimit-Remaining', left.remainingPoints)
  res.setHeader('X-RateLimit-Reset', Math.ceil((Date.now() + left.msBeforeNext) / 1000))
}
const server = http.createServer((req, res) => {
  limiter.consume(req.socket.remoteAddress).then(
    (left) => setTimeout(() => {
      tell(res, left)
      res.end('done')
    }, latency),
    (left) => {
      tell(res, left)
      res.statusCode = 429
      res.end('Too Many Requests')
    })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
