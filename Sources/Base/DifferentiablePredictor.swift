/// The arithmetic in which gradients are computed.
public enum Precision: String, CaseIterable, Sendable {
    /// 32 bits, as the model predicts: fast.
    case float
    /// 64 bits: for comparisons and for small convergence deltas.
    case double
}

/// A predictor that is a differentiable function of vectors that stand for its words.
public protocol DifferentiablePredictor: GradientPredictor {
    /// The probability of class `target` as a function of the text's vectors.
    ///
    /// - Throws: `invalidInput` when the model cannot compute in this precision.
    func differentiable(_ text: String, target: Int, precision: Precision) throws -> any DifferentiableText
}

/// The probability of one class as a function of one text's vectors. Points are `vectors.count` values each.
public protocol DifferentiableText: Sendable {
    /// The units the model sees, in the order of the text.
    var tokens: [TextToken] { get }
    /// The tokens each row of the input stands for; a row's share is split evenly among them. Tokens in no row are not
    /// read by the model.
    var tokensOfRow: [[Int]] { get }
    /// Values of a row.
    var width: Int { get }
    /// The input: `tokensOfRow.count * width` values, row after row.
    var vectors: [Double] { get }
    /// Inner layers, the one nearest to the input first.
    var layers: [LayerShape] { get }

    /// Values and gradients at several points.
    ///
    /// - Parameter unit: when given, only what flows through this unit of a layer, at all its rows.
    func slopes(at points: [[Double]], through unit: (layer: Int, unit: Int)?) throws -> [Slope]

    /// Activations of a layer at several points, and the gradient of the probability with respect to them.
    func layerSlopes(_ layer: Int, at points: [[Double]]) throws -> [LayerSlope]

    /// The multipliers of DeepLIFT's rescale rule between a reference and the text, one for each value of the input.
    ///
    /// - Throws: `invalidInput` when the model has a layer without such a rule.
    func rescaleMultipliers(from reference: [Double]) throws -> (multipliers: [Double], value: Double, base: Double)

    /// The weight each row has in the model's attention at the text; nil when the model has none.
    func attentionWeights() throws -> [Double]?
}

extension DifferentiableText {
    /// Integrates the gradient along the straight path from zero vectors to the text (Sundararajan et al. 2017,
    /// equation 1).
    ///
    /// - Parameter nodes: positions on the path in [0, 1] with the weights of the quadrature rule.
    /// - Returns: one attribution per token, the value at the text and the value at zero.
    public func integratedGradients(
        _ nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double) {
        let vectors = vectors
        var rows = [Double](repeating: 0, count: tokensOfRow.count)
        // A few points at a time: memory does not grow with their number.
        for start in stride(from: 0, to: nodes.count, by: 64) {
            let part = nodes[start..<min(start + 64, nodes.count)]
            let slopes = try slopes(at: part.map { node in vectors.map { node.position * $0 } }, through: nil)
            for (node, slope) in zip(part, slopes) {
                for row in rows.indices {
                    var sum = 0.0
                    for place in row * width..<(row + 1) * width { sum += slope.gradient[place] * vectors[place] }
                    rows[row] += node.weight * sum
                }
            }
        }
        var attributions = [Double](repeating: 0, count: tokens.count)
        for (row, members) in tokensOfRow.enumerated() {
            for token in members { attributions[token] += rows[row] / Double(members.count) }
        }
        let ends = try slopes(at: [vectors, [Double](repeating: 0, count: vectors.count)], through: nil)
        return (attributions, ends[0].value, ends[1].value)
    }
}

/// What a layer puts out for a text.
public struct LayerShape: Hashable, Sendable {
    public var name: String
    /// Rows, in the order of the input's; nil for one vector for the whole text.
    public var rows: Int?
    /// Values of a row.
    public var units: Int

    public init(name: String, rows: Int?, units: Int) {
        self.name = name
        self.rows = rows
        self.units = units
    }
}

/// A function's value at a point and its gradient there.
public struct Slope: Sendable {
    public var value: Double
    public var gradient: [Double]

    public init(value: Double, gradient: [Double]) {
        self.value = value
        self.gradient = gradient
    }
}

/// A layer's activations at a point, row after row, and the gradient of the model's value with respect to them.
public struct LayerSlope: Sendable {
    public var value: Double
    public var activation: [Double]
    public var gradient: [Double]

    public init(value: Double, activation: [Double], gradient: [Double]) {
        self.value = value
        self.activation = activation
        self.gradient = gradient
    }
}
