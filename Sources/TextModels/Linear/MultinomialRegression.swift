import Base
import Glibc

/// Logistic regression of several classes with an L2 penalty over the presence of features:
/// strength · Σ cᵢ (−ln p(truth)) + ½ |w|². Biases carry no penalty.
struct MultinomialRegression: Sendable {
    /// Texts are summed in this many parts, whatever the number of processors, so that sums are always the same.
    private static let shards = 4

    let rows: FeatureRows
    let truth: [Int]
    /// The factor of each feature, a row a class.
    let scales: [[Float]]
    /// The weight of each text's loss.
    let costs: [Float]

    private var features: Int { scales[0].count }
    private var classes: Int { scales.count }

    /// All weights, then the biases: where a search begins.
    var start: [Double] { [Double](repeating: 0, count: classes * features + classes) }

    /// The weights of features as they are, without scales, and the biases.
    func solution(_ point: [Double]) -> (weights: [[Float]], biases: [Float]) {
        (
            (0..<classes).map { label in
                (0..<features).map { Float(point[label * features + $0]) * scales[label][$0] }
            }, point.suffix(classes).map { Float($0) }
        )
    }

    func solve(from point: [Double], strength: Double) throws -> [Double] {
        try LBFGS().minimise(point) { try objective($0, strength: strength) }
    }

    private func objective(_ point: [Double], strength: Double) throws -> (value: Double, gradient: [Double]) {
        // Features side by side for all classes: one line of memory for each.
        var weights = [Float](repeating: 0, count: classes * features)
        for label in 0..<classes {
            for feature in 0..<features {
                weights[feature * classes + label] = Float(point[label * features + feature]) * scales[label][feature]
            }
        }
        let biases = point.suffix(classes).map { Float($0) }
        let shared = weights
        let parts = try parallelMap(count: MultinomialRegression.shards) { shard in
            part(
                rows.count * shard / MultinomialRegression.shards..<rows.count * (shard + 1)
                    / MultinomialRegression.shards,
                shared, biases)
        }
        var value = 0.0
        var gradient = [Double](repeating: 0, count: point.count)
        for part in parts {
            value += strength * part.loss
            for label in 0..<classes {
                for feature in 0..<features {
                    gradient[label * features + feature] +=
                        strength * Double(part.gradient[feature * classes + label] * scales[label][feature])
                }
                gradient[classes * features + label] += strength * part.biases[label]
            }
        }
        for index in 0..<classes * features {
            value += 0.5 * point[index] * point[index]
            gradient[index] += point[index]
        }
        return (value, gradient)
    }

    /// Loss and gradient of some texts.
    private func part(
        _ range: Range<Int>, _ weights: [Float], _ biases: [Float]
    ) -> (loss: Double, gradient: [Float], biases: [Double]) {
        var gradient = [Float](repeating: 0, count: weights.count)
        var slopes = [Double](repeating: 0, count: classes)
        var loss = 0.0
        let classes = classes
        for row in range {
            var scores = biases
            let places = rows.range(row)
            rows.features.withUnsafeBufferPointer { features in
                weights.withUnsafeBufferPointer { weights in
                    for place in places {
                        let base = Int(features[place]) * classes
                        for label in 0..<classes { scores[label] += weights[base + label] }
                    }
                }
            }
            let answer = LinearModel.softmax(scores.map(Double.init), classes: classes)
            loss -= Double(costs[row]) * log(max(1e-300, answer[truth[row]]))
            let errors = (0..<classes).map { costs[row] * Float(answer[$0] - (truth[row] == $0 ? 1 : 0)) }
            rows.features.withUnsafeBufferPointer { features in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    for place in places {
                        let base = Int(features[place]) * classes
                        for label in 0..<classes { gradient[base + label] += errors[label] }
                    }
                }
            }
            for label in 0..<classes { slopes[label] += Double(errors[label]) }
        }
        return (loss, gradient, slopes)
    }
}
