import { eightSeconds } from '../support/fault-eight-seconds.ts'

eightSeconds({
  id: 'F01',
  does: 'is killed and started again',
  // The other file of this row kills a broker in the short form too.
  longOnly: true,
  inject: (cluster) => cluster.kill(2),
  end: (cluster) => cluster.heal(),
})
