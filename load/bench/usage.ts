export const benchUsage = `Usage: npm run bench [-- OPTIONS]

Measures Forebay beside the baselines in one run, in interleaved rounds, on real Kafka that it starts itself.

  --scenario LIST   of these (default ndjson,array,single):
                      ndjson, array, single   CPU per event beside the baselines, by the form of the body: saturated, each
                                              as fast as it answers, and then one rate for all
                      latency                 p50, p99, p99.9 from the intended start, at half of the maximum rate
                      topics                  CPU per event from 1 to 1,000 topics
                      connections             CPU per event from 100 to 5,000 connections, memory of an idle one
                      router                  CPU per record of the pass-through route
  --quick           fewer and shorter rounds, and less exact
  --rounds N        rounds, each contender once in each (default 5; quick 3)
  --seconds S       length of a round (default 3; quick 1.5)
  --events N        at most so many for each contender in one round (default 1000000); a saturated round
                    ends by time before, unless a contender takes them sooner
  --event-bytes N|real   size of an event, or events of the demo's real data (default 300)
  --per-body N      events in one NDJSON body or JSON array (default 100)
  --connections N   connections (default 64)
  --mode M          keep-alive, or new: a connection for each request (default keep-alive)
  --arrivals P      uniform, poisson or bursty (default: uniform for CPU, poisson for latency)
  --rate N          only the phase of one rate, with this one, in events per second (default: what the slowest
                    contender took when saturated, less 20 %; for latency, topics and connections half of the maximum)
  --saturated       only the saturated phase
  --unpinned        let servers and generator run on any core: for trying out, not for figures
  --brokers 1|3     brokers of the fronting cluster (default 1)
  --peer [NAME=]URL,PID   a running server beside the others, posted to at that URL (may be repeated)
  --topics LIST     numbers of topics for the scenario topics (default 1,10,100,1000)
  --connection-counts LIST   for the scenario connections (default 100,1000,5000)
  --fronting LIST --consumer LIST   use these running clusters instead (host:port, comma-separated)
  --json FILE       write the figures there
  --write           put these scenarios' figures into load/RESULTS.json and make load/RESULTS.md of all that are there
`
