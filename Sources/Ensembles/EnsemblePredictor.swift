import Base

/// Several predictors as one: the weighted mean of their probabilities.
public struct EnsemblePredictor: CompositePredictor {
    public let labels: [String]
    private let members: [any Predictor]
    private let weights: [Double]
    /// For each member, where each of its classes stands among ours.
    private let positions: [[Int]]

    /// - Parameter weights: one a member, not negative; they are scaled to sum to 1. Nil: all the same.
    /// - Throws: `MLError(.invalidInput)` when members know different labels.
    public init(_ members: [any Predictor], weights: [Double]? = nil) throws {
        guard let first = members.first else { throw MLError(.invalidInput, "an ensemble needs members") }
        let weights = weights ?? [Double](repeating: 1, count: members.count)
        let sum = weights.reduce(0, +)
        guard weights.count == members.count, weights.allSatisfy({ $0 >= 0 && $0.isFinite }), sum > 0 else {
            throw MLError(.invalidInput, "an ensemble needs one weight a member, none negative, not all zero")
        }
        labels = first.labels
        positions = try members.enumerated().map { number, member in
            try member.labels.map { label in
                guard let position = first.labels.firstIndex(of: label), member.labels.count == first.labels.count
                else {
                    throw MLError(
                        .invalidInput,
                        "member \(number + 1) has the labels \(member.labels.joined(separator: ", ")), "
                            + "the first has \(first.labels.joined(separator: ", "))")
                }
                return position
            }
        }
        self.members = members
        self.weights = weights.map { $0 / sum }
    }

    public var weightedMembers: [(predictor: any Predictor, weight: Double)] { Array(zip(members, weights)) }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        EnsemblePredictor.combine(try memberProbabilities(texts), weights: weights)
    }

    /// The probabilities of each member, classes in the order of `labels`.
    public func memberProbabilities(_ texts: [String]) throws -> [[[Double]]] {
        try zip(members, positions).map { member, positions in
            try member.predict(texts).map { row in
                var ordered = row
                for (index, position) in positions.enumerated() { ordered[position] = row[index] }
                return ordered
            }
        }
    }

    /// The weighted mean of the members' rows. Weights sum to 1.
    public static func combine(_ members: [[[Double]]], weights: [Double]) -> [[Double]] {
        guard let first = members.first else { return [] }
        return first.indices.map { row in
            first[row].indices.map { label in
                zip(members, weights).reduce(0) { $0 + $1.1 * $1.0[row][label] }
            }
        }
    }
}
