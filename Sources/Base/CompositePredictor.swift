/// A predictor whose probabilities are the weighted mean of those of others.
public protocol CompositePredictor: Predictor {
    /// The members with their weights, which sum to 1. Members know the same labels, each in its own order.
    var weightedMembers: [(predictor: any Predictor, weight: Double)] { get }
}
