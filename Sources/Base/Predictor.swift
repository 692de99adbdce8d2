/// Anything that turns texts into class probabilities: a built-in model at a revision, an ensemble of revisions,
/// an external program. Models, ensembles and explanations meet in this protocol and know nothing else of each other.
public protocol Predictor: Sendable {
    /// The classes, in the order of the probabilities.
    var labels: [String] { get }
    /// One row of `labels.count` probabilities for each text. An empty text has an answer too.
    func predict(_ texts: [String]) throws -> [[Double]]
}

/// A predictor that can say how its words pull on its answer.
public protocol GradientPredictor: Predictor {
    /// The units the model itself sees, in order, each with the range of UTF-8 offsets it came from.
    func tokens(of text: String) throws -> [TextToken]

    /// Integrates gradients of the probability of class `target` along the straight path from the baseline
    /// (every token's embedding zero) to the text.
    ///
    /// - Parameters:
    ///   - nodes: positions on the path in [0, 1] with the weights of the quadrature rule.
    /// - Returns: one attribution per token of `tokens(of:)`, the value at the text and the value at the baseline.
    func integratedGradients(
        of text: String, target: Int, nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double)
}

/// One token of a text as a model sees it.
public struct TextToken: Hashable, Sendable {
    /// The token after normalisation.
    public var text: String
    /// UTF-8 offsets in the original text.
    public var range: Range<Int>

    public init(text: String, range: Range<Int>) {
        self.text = text
        self.range = range
    }
}
