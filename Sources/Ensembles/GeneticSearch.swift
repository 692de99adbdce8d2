import Base
import Glibc

/// A genetic algorithm over weights: the two best live on, parents win tournaments of three, children lie between and
/// beside their parents (blend crossover, Eshelman & Schaffer 1993), and one weight in five is shaken.
struct GeneticSearch {
    let seed: UInt64
    var population = 60
    var generations = 120

    init(seed: UInt64) { self.seed = seed }

    func minimise(_ count: Int, _ loss: MixtureLoss) throws -> [Double] {
        var random = SeededRandom(seed: seed, purpose: "ensemble.genetic")
        // The even mixture and each member alone are there from the start: nothing found is worse than they.
        var people = [[Double](repeating: 1 / Double(count), count: count)]
        people += (0..<count).map { member in (0..<count).map { $0 == member ? 1 : 0 } }
        while people.count < population {
            people.append(MixtureLoss.simplex((0..<count).map { _ in -log(max(1e-12, random.uniform())) }))
        }
        var values = try evaluate(people, loss)
        for generation in 0..<generations {
            let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
            var next = order.prefix(2).map { people[$0] }
            func parent() -> [Double] {
                let drawn = (0..<3).map { _ in random.below(people.count) }
                return people[drawn.min { values[$0] < values[$1] } ?? 0]
            }
            let shake = 0.2 * (1 - Double(generation) / Double(generations))
            while next.count < people.count {
                let (a, b) = (parent(), parent())
                let child = zip(a, b).map { pair -> Double in
                    let mixed = pair.0 + (random.uniform() * 1.5 - 0.25) * (pair.1 - pair.0)
                    return random.uniform() < 0.2 ? mixed + (random.uniform() * 2 - 1) * shake : mixed
                }
                next.append(MixtureLoss.simplex(child))
            }
            people = next
            values = try evaluate(people, loss)
        }
        return people[values.indices.min { values[$0] < values[$1] } ?? 0]
    }

    private func evaluate(_ people: [[Double]], _ loss: MixtureLoss) throws -> [Double] {
        try parallelMap(count: people.count) { loss(people[$0]) }
    }
}
