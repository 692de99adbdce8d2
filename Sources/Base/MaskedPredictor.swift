/// A text whose parts ("players") can be hidden independently of each other.
///
/// Contract for fast scorers: the masked text is its `pieces` in order, with `replacement` for those that are hidden
/// (once for a whole run of them, if `collapsesRuns`). White space may be squeezed, and replacements that follow others
/// may lose theirs.
public protocol MaskableText: Sendable {
    var text: String { get }
    /// How many parts there are.
    var players: Int { get }
    /// UTF-8 offsets in `text` of what disappears when the player is hidden, in order.
    func ranges(of player: Int) -> [Range<Int>]
    /// What stands in the place of hidden parts.
    var replacement: String { get }
    /// The text in pieces, with the player each disappears with, or nil for what always stays; nil when it is not made of
    /// pieces, so that fast scorers keep away.
    var pieces: [(bytes: Range<Int>, player: Int?)]? { get }
    /// One replacement stands for a run of hidden pieces.
    var collapsesRuns: Bool { get }
    /// The text with only the players whose bits are set.
    func masked(_ mask: BitSet) -> String
}

/// A predictor that scores variants of one text faster than text by text: a linear model, for example, keeps the
/// contribution of each word and adds only what a mask changes.
public protocol MaskedPredictor: Predictor {
    /// A scorer for the variants of this text; nil when the fast way does not fit it, so that the texts themselves are
    /// predicted.
    func scorer(for text: any MaskableText) throws -> (any MaskScorer)?
}

/// Scores variants of one text.
public protocol MaskScorer: Sendable {
    /// One row of class probabilities for each mask (bit set: the player is visible): the same as
    /// `predict(masks.map(text.masked))` up to rounding.
    func outputs(_ masks: [BitSet]) throws -> [[Double]]
}

/// A predictor whose answer is a monotone function of Σ weight × value over named features.
public protocol LinearPredictor: Predictor {
    /// The linear form behind the class `target`, with the features that the text has.
    func linearForm(of text: String, target: Int) throws -> LinearForm
}

/// score = intercept + Σ weight·value, before the link (logit, softmax).
public struct LinearForm: Sendable {
    public struct Feature: Hashable, Sendable {
        public var name: String
        public var weight: Double
        /// The feature's value in the text (a count, a tf-idf).
        public var value: Double
        /// UTF-8 offsets of the places in the text the feature was read from.
        public var occurrences: [Range<Int>]

        public init(name: String, weight: Double, value: Double, occurrences: [Range<Int>]) {
            self.name = name
            self.weight = weight
            self.value = value
            self.occurrences = occurrences
        }
    }

    public var intercept: Double
    /// The features whose value is not 0, each name once.
    public var features: [Feature]

    public init(intercept: Double, features: [Feature]) {
        self.intercept = intercept
        self.features = features
    }

    public var score: Double { features.reduce(intercept) { $0 + $1.weight * $1.value } }
}
