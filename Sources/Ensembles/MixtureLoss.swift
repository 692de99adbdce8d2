import Glibc

/// The log loss of a weighted mean of members, as a function of the weights: convex on the simplex.
struct MixtureLoss: Sendable {
    /// p(truth) of each text, by member.
    let likelihoods: [[Double]]
    let texts: Int

    init(_ members: [[[Double]]], truth: [Int]) {
        likelihoods = members.map { rows in zip(rows, truth).map { $0[$1] } }
        texts = truth.count
    }

    /// - Parameter weights: sum to 1.
    func callAsFunction(_ weights: [Double]) -> Double {
        var loss = 0.0
        for text in 0..<texts {
            var sum = 0.0
            for (member, weight) in weights.enumerated() { sum += weight * likelihoods[member][text] }
            loss -= log(max(1e-15, sum))
        }
        return texts == 0 ? 0 : loss / Double(texts)
    }

    /// The same for any point: negative parts count as none, and the rest is scaled to sum to 1.
    func projected(_ point: [Double]) -> Double { self(MixtureLoss.simplex(point)) }

    static func simplex(_ point: [Double]) -> [Double] {
        let kept = point.map { max(0, $0.isFinite ? $0 : 0) }
        let sum = kept.reduce(0, +)
        return sum > 0 ? kept.map { $0 / sum } : [Double](repeating: 1 / Double(point.count), count: point.count)
    }
}
