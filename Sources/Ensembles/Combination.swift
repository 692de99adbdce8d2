import Base

/// How an ensemble makes one answer of its members' answers.
public enum Combination: Sendable {
    /// The weighted mean; weights sum to 1.
    case mean([Double])
    /// Votes, weighted.
    case vote([Double])
    case stacking(Stacking)

    /// - Parameter members: probabilities, `[member][text][class]`, classes in one order.
    public func combine(_ members: [[[Double]]]) -> [[Double]] {
        switch self {
        case .mean(let weights): EnsemblePredictor.combine(members, weights: weights)
        case .vote(let weights): MajorityVote.combine(members, weights: weights)
        case .stacking(let model): model.combine(members)
        }
    }
}

/// Members whose answers are combined in another way than by a weighted mean.
public struct CombinedPredictor: Predictor {
    public let members: EnsemblePredictor
    private let combination: Combination

    public init(_ members: EnsemblePredictor, _ combination: Combination) {
        self.members = members
        self.combination = combination
    }

    public var labels: [String] { members.labels }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        combination.combine(try members.memberProbabilities(texts))
    }
}
