import Base
import Glibc

/// Particles over weights, each drawn to the best place it has seen and to the best any has seen; inertia 0.72 and pulls
/// 1.49 (Clerc & Kennedy 2002, constriction).
struct SwarmSearch {
    let seed: UInt64
    var particles = 40
    var steps = 150

    init(seed: UInt64) { self.seed = seed }

    func minimise(_ count: Int, _ loss: MixtureLoss) throws -> [Double] {
        var random = SeededRandom(seed: seed, purpose: "ensemble.swarm")
        var places = [[Double](repeating: 1 / Double(count), count: count)]
        places += (0..<count).map { member in (0..<count).map { $0 == member ? 1 : 0 } }
        while places.count < particles {
            places.append(MixtureLoss.simplex((0..<count).map { _ in -log(max(1e-12, random.uniform())) }))
        }
        var speeds = places.map { $0.map { _ in 0.0 } }
        var best = places
        var bestValues = try parallelMap(count: places.count) { [places] in loss.projected(places[$0]) }
        var leader = bestValues.indices.min { bestValues[$0] < bestValues[$1] } ?? 0
        for _ in 0..<steps {
            for index in places.indices {
                for member in 0..<count {
                    let own = 1.49 * random.uniform() * (best[index][member] - places[index][member])
                    let shared = 1.49 * random.uniform() * (best[leader][member] - places[index][member])
                    speeds[index][member] = 0.72 * speeds[index][member] + own + shared
                    places[index][member] = min(1, max(0, places[index][member] + speeds[index][member]))
                }
            }
            let values = try parallelMap(count: places.count) { [places] in loss.projected(places[$0]) }
            for index in places.indices where values[index] < bestValues[index] {
                (best[index], bestValues[index]) = (places[index], values[index])
            }
            leader = bestValues.indices.min { bestValues[$0] < bestValues[$1] } ?? 0
        }
        return MixtureLoss.simplex(best[leader])
    }
}
