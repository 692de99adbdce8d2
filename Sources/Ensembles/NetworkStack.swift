import Base
import Glibc
import TextModels

/// One hidden layer of tanh units and a softmax, fitted by L-BFGS with an L2 penalty.
struct NetworkStack: Sendable {
    static let units = 8

    /// Weights from inputs to units (the last column the bias), then from units to classes.
    var hidden: [[Double]]
    var output: [[Double]]

    static func fit(
        _ rows: [[Double]], _ truth: [Int], classes: Int, strength: Double, seed: UInt64
    ) -> NetworkStack {
        let width = (rows.first?.count ?? 0) + 1
        let split = units * width
        var random = SeededRandom(seed: seed, purpose: "ensemble.network")
        let start = (0..<split + classes * (units + 1)).map { _ in (random.uniform() - 0.5) * 0.5 }
        var search = LBFGS()
        search.tolerance = 1e-5
        search.maximumIterations = 200
        let point = search.minimise(start) { point in
            var value = 0.0
            var gradient = [Double](repeating: 0, count: point.count)
            for (row, label) in zip(rows, truth) {
                var state = [Double](repeating: 0, count: units)
                for unit in 0..<units {
                    var sum = point[unit * width + width - 1]
                    for (column, x) in row.enumerated() { sum += point[unit * width + column] * x }
                    state[unit] = tanh(sum)
                }
                let answer = softmax(
                    (0..<classes).map { label in
                        let base = split + label * (units + 1)
                        return (0..<units).reduce(point[base + units]) { $0 + point[base + $1] * state[$1] }
                    })
                value -= strength * log(max(1e-300, answer[label]))
                var back = [Double](repeating: 0, count: units)
                for output in 0..<classes {
                    let base = split + output * (units + 1)
                    let error = strength * (answer[output] - (output == label ? 1 : 0))
                    for unit in 0..<units {
                        gradient[base + unit] += error * state[unit]
                        back[unit] += error * point[base + unit]
                    }
                    gradient[base + units] += error
                }
                for unit in 0..<units {
                    let slope = back[unit] * (1 - state[unit] * state[unit])
                    for (column, x) in row.enumerated() { gradient[unit * width + column] += slope * x }
                    gradient[unit * width + width - 1] += slope
                }
            }
            for index in point.indices {
                value += 0.5 * point[index] * point[index]
                gradient[index] += point[index]
            }
            return (value, gradient)
        }
        return NetworkStack(
            hidden: (0..<units).map { Array(point[$0 * width..<($0 + 1) * width]) },
            output: (0..<classes).map {
                Array(point[split + $0 * (units + 1)..<split + ($0 + 1) * (units + 1)])
            })
    }

    func answer(_ row: [Double]) -> [Double] {
        let state = hidden.map { weights in
            tanh(zip(row, weights).reduce(weights.last ?? 0) { $0 + $1.0 * $1.1 })
        }
        return softmax(
            output.map { weights in zip(state, weights).reduce(weights.last ?? 0) { $0 + $1.0 * $1.1 } })
    }
}
