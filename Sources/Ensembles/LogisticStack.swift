import Base
import Glibc
import TextModels

/// Multinomial logistic regression with an L2 penalty on the weights.
struct LogisticStack: Sendable {
    /// A row a class; the last column is the bias.
    var weights: [[Double]]

    static func fit(_ rows: [[Double]], _ truth: [Int], classes: Int, strength: Double) -> LogisticStack {
        let width = (rows.first?.count ?? 0) + 1
        var search = LBFGS()
        search.tolerance = 1e-7
        search.maximumIterations = 500
        let point = search.minimise([Double](repeating: 0, count: classes * width)) { point in
            var value = 0.0
            var gradient = [Double](repeating: 0, count: point.count)
            for (row, label) in zip(rows, truth) {
                let answer = softmax(scores(row, point, classes, width))
                value -= strength * log(max(1e-300, answer[label]))
                for output in 0..<classes {
                    let error = strength * (answer[output] - (output == label ? 1 : 0))
                    for (column, x) in row.enumerated() { gradient[output * width + column] += error * x }
                    gradient[output * width + width - 1] += error
                }
            }
            for output in 0..<classes {
                for column in 0..<width - 1 {
                    let weight = point[output * width + column]
                    value += 0.5 * weight * weight
                    gradient[output * width + column] += weight
                }
            }
            return (value, gradient)
        }
        return LogisticStack(weights: (0..<classes).map { Array(point[$0 * width..<($0 + 1) * width]) })
    }

    private static func scores(_ row: [Double], _ point: [Double], _ classes: Int, _ width: Int) -> [Double] {
        (0..<classes).map { output in
            var sum = point[output * width + width - 1]
            for (column, x) in row.enumerated() { sum += point[output * width + column] * x }
            return sum
        }
    }

    func answer(_ row: [Double]) -> [Double] {
        softmax(
            weights.map { weights in
                zip(row, weights).reduce(weights.last ?? 0) { $0 + $1.0 * $1.1 }
            })
    }
}
