// An emulation of Traefik's rateLimit middleware: a bucket, half a token of which may be owed. What it
// refuses is told how long until there is one. Arguments: the latency in ms, and as JSON the
// middleware's average per second and burst.
const http = require('node:http')

const latency = Number(process.argv[2])
const { average, burst } = JSON.parse(process.argv[3])
const mostOwed = 0.5
let tokens = burst
let filled = performance.now()

const server = http.createServer((req, res) => {
  const now = performance.now()
  tokens = Math.min(burst, tokens + (now - filled) * average / 1000)
  filled = now
  const owed = 1 - tokens
  const wait = Math.max(0, owed * 1000 / average)
  if (owed > mostOwed) {
    res.writeHead(429, {
      'Retry-After': Math.ceil(wait / 1000),
      'X-Retry-In': `${wait.toFixed(6)}ms`
    })
    res.end('Too Many Requests')
    return
  }
  tokens -= 1
  setTimeout(() => res.end('done'), wait + latency)
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
