import { eightSeconds } from '../support/fault-eight-seconds.ts'

eightSeconds({
  id: 'F01',
  does: 'is killed and started again',
  inject: (cluster) => cluster.kill(2),
  end: (cluster) => cluster.heal(),
})
