import Base
import Explainers
import Testing

/// Properties of the Shapley methods on seeded random set functions with interactions of every order.
@Suite struct ShapleyPropertyTests {
    static let sizes = Array(2...10)

    private static func members(of coalition: Int, _ n: Int) -> [Int] { (0..<n).filter { coalition >> $0 & 1 == 1 } }

    private static func exact(_ values: [Double]) throws -> [Double] {
        try ExactShapley().values(of: RandomGame.game(values)).values
    }

    /// Mean of what each player adds, over the given orders: Shapley's and Owen's values by their other definition.
    private static func overOrders(_ orders: [[Int]], _ values: [Double]) -> [Double] {
        var sums = [Double](repeating: 0, count: orders[0].count)
        for order in orders {
            var coalition = 0
            for player in order {
                sums[player] += values[coalition | 1 << player] - values[coalition]
                coalition |= 1 << player
            }
        }
        return sums.map { $0 / Double(orders.count) }
    }

    private static func allOrders(_ players: [Int]) -> [[Int]] {
        if players.count < 2 { return [players] }
        return players.flatMap { first in allOrders(players.filter { $0 != first }).map { [first] + $0 } }
    }

    /// The orders in which the players of each node stand together, its children either way round.
    private static func treeOrders(_ tree: PartitionTree, _ node: Int) -> [[Int]] {
        if node < tree.leaves { return [[node]] }
        let inner = tree.nodes[node - tree.leaves]
        let (left, right) = (treeOrders(tree, inner.left), treeOrders(tree, inner.right))
        return left.flatMap { a in right.flatMap { b in [a + b, b + a] } }
    }

    @Test(arguments: sizes) func `exact values are efficient, symmetric, blind to dummies and linear`(_ n: Int) throws {
        let v = RandomGame.values(players: n, seed: 1)
        let w = RandomGame.values(players: n, seed: 2)
        let phi = try Self.exact(v)
        #expect(abs(phi.reduce(0, +) - (v[v.count - 1] - v[0])) < 1e-13)
        // Symmetric in players 0 and 1: averaged with the two exchanged.
        func exchanged(_ s: Int) -> Int { s & ~3 | (s & 1) << 1 | s >> 1 & 1 }
        let symmetric = try Self.exact(v.indices.map { (v[$0] + v[exchanged($0)]) / 2 })
        #expect(abs(symmetric[0] - symmetric[1]) < 1e-13)
        // The last player adds 0.25 whatever the others do.
        let last = n - 1
        let dummy = try Self.exact(v.indices.map { v[$0 & ~(1 << last)] + Double($0 >> last) * 0.25 })
        #expect(abs(dummy[last] - 0.25) < 1e-13)
        let mixed = try Self.exact(v.indices.map { 3 * v[$0] - 0.5 * w[$0] })
        let expected = zip(phi, try Self.exact(w)).map { 3 * $0 - 0.5 * $1 }
        #expect(largestDifference(mixed, expected) < 1e-12)
    }

    @Test(arguments: 2...7) func `exact values are the mean over all orders`(_ n: Int) throws {
        let v = RandomGame.values(players: n, seed: 3)
        let orders = Self.allOrders(Array(0..<n))
        #expect(largestDifference(try Self.exact(v), Self.overOrders(orders, v)) < 1e-13)
    }

    @Test(arguments: sizes) func `the regression over all coalitions is exact`(_ n: Int) throws {
        let v = RandomGame.values(players: n, seed: 4)
        let kernel = try KernelShapley(samples: 1 << n).values(of: RandomGame.game(v))
        #expect(largestDifference(try Self.exact(v), kernel.values) < 1e-12)
        #expect(kernel.standardErrors == [Double](repeating: 0, count: n))
        #expect(kernel.parameters["samples"]?.intValue == 1 << n - 2)
    }

    @Test(arguments: sizes) func `one order there and back is exact for interactions of pairs`(_ n: Int) throws {
        var random = SeededRandom(seed: 5, purpose: "pairs", position: UInt64(n))
        let bonus = (0..<n * n).map { _ in random.uniform() - 0.5 }
        let v = (0..<1 << n).map { (s: Int) -> Double in
            var sum = 0.0
            for pair in 0..<n * n where s >> (pair / n) & 1 == 1 && s >> (pair % n) & 1 == 1 { sum += bonus[pair] }
            return sum
        }
        let result = try PermutationShapley(samples: 1, seed: 9).values(of: RandomGame.game(v))
        #expect(largestDifference(try Self.exact(v), result.values) < 1e-12)
        // All orders say the same, so the error is 0.
        #expect(try #require(result.standardErrors).allSatisfy { $0 < 1e-13 })
    }

    @Test(arguments: sizes) func `sampled values are efficient at every budget`(_ n: Int) throws {
        let v = RandomGame.values(players: n, seed: 6)
        for samples in [1, 40, 300] {
            let methods: [any GameExplainer] = [
                PermutationShapley(samples: samples, seed: 3), SampledShapley(samples: samples, seed: 3),
                KernelShapley(samples: max(samples, 4 * n), seed: 3), PartitionShapley(samples: max(2, samples)),
            ]
            for method in methods {
                let result = try method.values(of: RandomGame.game(v))
                #expect(abs(result.delta) < 1e-12, "\(method.method)")
                #expect(result.base == v[0] && result.full == v[v.count - 1])
            }
        }
    }

    @Test(arguments: 2...9) func `partition values are the mean over the orders of the tree`(_ n: Int) throws {
        let v = RandomGame.values(players: n, seed: 7)
        for seed in 0..<5 {
            let tree = RandomGame.tree(players: n, seed: UInt64(seed))
            let game = RandomGame.game(v, tree: tree)
            let result = try PartitionShapley(samples: 10_000).values(of: game)
            #expect(result.remarks.isEmpty)
            let expected = Self.overOrders(Self.treeOrders(tree, tree.root), v)
            #expect(largestDifference(result.values, expected) < 1e-13)
            // Where nothing interacts, any budget and context gives the players what they add.
            let additive = v.indices.map { s in Self.members(of: s, n).reduce(0.0) { $0 + v[$1] } }
            for context in PartitionShapley.Context.allCases {
                let plain = try PartitionShapley(samples: 10_000, context: context).values(
                    of: RandomGame.game(additive, tree: tree))
                #expect(largestDifference(plain.values, Array(v[..<n])) < 1e-13)
            }
        }
    }

    @Test func `what the budget leaves unsplit is shared among its players`() throws {
        let v = RandomGame.values(players: 4, seed: 8)
        let nothing = try PartitionShapley(samples: 2).values(of: RandomGame.game(v))
        #expect(Set(nothing.values).count == 1 && nothing.remarks.count == 1)
        #expect(abs(nothing.delta) < 1e-15)
    }

    @Test func `standard errors are those seen over many seeds`() throws {
        let n = 12
        let v = RandomGame.values(players: n, seed: 10)
        func ratio(_ make: (UInt64) -> any GameExplainer) throws -> Double {
            let runs = try (0..<120).map { try make(UInt64($0)).values(of: RandomGame.game(v)) }
            var seen = 0.0
            var said = 0.0
            for player in 0..<n {
                let values = runs.map { $0.values[player] }
                let mean = values.reduce(0, +) / Double(values.count)
                seen += values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
                said +=
                    try runs.reduce(0) {
                        let error = try #require($1.standardErrors)[player]
                        return $0 + error * error
                    } / Double(runs.count)
            }
            return (said / seen).squareRoot()
        }
        let permutation = try ratio { PermutationShapley(samples: 300, seed: $0) }
        let sampling = try ratio { SampledShapley(samples: 300, seed: $0) }
        let kernel = try ratio { KernelShapley(samples: 400, seed: $0) }
        #expect((0.9...1.1).contains(permutation), "\(permutation)")
        #expect((0.9...1.1).contains(sampling), "\(sampling)")
        #expect((0.85...1.2).contains(kernel), "\(kernel)")
    }

    @Test func `sampled values lie around the exact ones`() throws {
        let v = RandomGame.values(players: 10, seed: 11)
        let exact = try Self.exact(v)
        let methods: [any GameExplainer] = [
            PermutationShapley(samples: 4000), SampledShapley(samples: 4000), KernelShapley(samples: 700),
        ]
        for method in methods {
            let result = try method.values(of: RandomGame.game(v))
            let errors = try #require(result.standardErrors)
            for player in exact.indices {
                #expect(abs(result.values[player] - exact[player]) < 5 * errors[player], "\(method.method)")
            }
        }
    }

    @Test(arguments: 4...10) func `too few samples for a regression are an error, never nonsense`(_ n: Int) throws {
        let v = RandomGame.values(players: n, seed: 13)
        var errors = 0
        for samples in [n - 1, n, n + 2, 2 * n, 3 * n] {
            for seed in 0..<20 {
                do {
                    let result = try KernelShapley(samples: samples, seed: UInt64(seed)).values(of: RandomGame.game(v))
                    #expect(result.values.allSatisfy { abs($0) < 20 })
                } catch let error as MLError {
                    #expect(error.code == .usage)
                    errors += 1
                }
            }
        }
        #expect(errors >= 20 && errors < 100)
    }

    @Test func `samples are added until the order of the top words is settled`() throws {
        let n = 12
        let noise = RandomGame.values(players: n, seed: 12)
        // Word i adds i/10; the rest is noise.
        let v = noise.indices.map { s in Self.members(of: s, n).reduce(0.1 * noise[s]) { $0 + Double($1) / 10 } }
        func orders(_ tolerance: Double?, _ seed: UInt64) throws -> Int {
            let method = PermutationShapley(samples: 50, seed: seed, tolerance: tolerance)
            return try #require(try method.values(of: RandomGame.game(v)).parameters["orders"]?.intValue)
        }
        #expect(try orders(nil, 0) == 2)
        let result = try PermutationShapley(samples: 50, tolerance: 1e-6).values(of: RandomGame.game(v))
        #expect(try #require(result.parameters["orders"]?.intValue) > 2)
        let ranking = result.values.indices.sorted { abs(result.values[$0]) > abs(result.values[$1]) }
        #expect(Array(ranking.prefix(RankStability.top)) == Array((0..<n).reversed().prefix(RankStability.top)))
        #expect(try orders(10, 0) == 2)
        // Equal words can never be told apart: the tolerance says when to stop, else the limit does.
        let symmetric = Game(players: n) { masks in
            masks.map { [Double($0.population) + 0.3 * noise[RandomGame.bits($0)]] }
        }
        let stopped = try KernelShapley(samples: 60, tolerance: 0.5).values(of: symmetric)
        #expect(stopped.parameters["samples"]?.intValue == 60)
        let all = try KernelShapley(samples: 60, tolerance: 1e-12).values(of: symmetric)
        #expect(try #require(all.parameters["samples"]?.intValue) > 60)
    }

    @Test func `an order is settled by its errors or by the tolerance`() {
        #expect(RankStability.isStable(values: [3, -2, 1], standardErrors: [0.1, 0.1, 0.1], tolerance: 1e-9))
        #expect(!RankStability.isStable(values: [3, -2.9, 1], standardErrors: [0.1, 0.1, 0.1], tolerance: 1e-9))
        #expect(RankStability.isStable(values: [3, -2.9, 1], standardErrors: [0.1, 0.1, 0.1], tolerance: 0.3))
        // The second and third are not looked at.
        #expect(RankStability.isStable(values: [3, 1, 1], standardErrors: [0.1, 0.1, 0.1], tolerance: 1e-9, top: 1))
    }
}
