import { eightSeconds } from '../support/fault-eight-seconds.ts'

eightSeconds({
  id: 'F02',
  does: 'hangs and wakes up',
  inject: (cluster) => cluster.pause(2),
  end: (cluster) => cluster.resume(2),
})
