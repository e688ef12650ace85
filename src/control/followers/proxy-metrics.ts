import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '../../core/clock.ts'
import type { ProxyRegister } from './proxy-register.ts'

/** Read from the register at each scrape; all 0 on a replica that does not lead. */
export function addProxyMetrics(registry: Registry, register: ProxyRegister, clock: Clock): void {
  const registers = [registry]
  new Gauge({
    name: 'forebay_proxies',
    help: 'Proxies that the leader knows: live, unheard (known from the last leader, lease not over), ended.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, proxies] of Object.entries(register.states(clock.monotonicMs())))
        this.set({ state }, proxies)
    },
  })
  new Counter({
    name: 'forebay_proxy_reports_total',
    help: 'Reports of proxies: taken, repeated (came twice or late), refused (too many proxies).',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      for (const [result, reports] of Object.entries(register.totals)) this.inc({ result }, reports)
    },
  })
}
