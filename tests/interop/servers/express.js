// express-rate-limit. Arguments: the latency in ms, and the limiter's options as JSON.
const express = require('express')
const { rateLimit } = require('express-rate-limit')

const latency = Number(process.argv[2])
const app = express()
app.use(rateLimit(JSON.parse(process.argv[3])))
app.use((req, res) => setTimeout(() => res.send('done'), latency))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
