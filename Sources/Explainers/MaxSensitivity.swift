import Base

extension Evaluate {
    /// Max-sensitivity (Yeh et al. 2019, definition 3.1) for texts: the largest ‖φ(x′) − φ(x)‖₂/‖φ(x)‖₂ over variants x′
    /// of the text with one word removed, over the words both have. Low: small changes of the text do not overthrow the
    /// explanation. The paper's neighbourhood is a ball of embeddings; here it is "one word less".
    ///
    /// - Parameters:
    ///   - variants: how many words are tried, drawn without replacement; all of them if there are no more.
    /// - Returns: 0 for a text of fewer than two words or an explanation of zeros.
    public static func maxSensitivity(
        of explainer: any Explainer, _ text: String, predictor: any Predictor,
        target: ExplanationTarget = .predicted, variants: Int = 10, seed: UInt64 = 0
    ) throws -> Double {
        guard variants >= 1 else { throw MLError(.usage, "max-sensitivity needs at least 1 variant, not \(variants)") }
        let original = try explainer.explain(text, predictor: predictor, target: target)
        let tokens = MaskedText(text).tokens
        guard tokens.count > 1 else { return 0 }
        var orders = SampledOrders(
            players: tokens.count, source: .keyed, seed: seed, purpose: "sensitivity \(ObjectID.of(text))")
        let bytes = Array(text.utf8)
        let values = original.valueByPlace
        var largest = 0.0
        for token in orders.next().prefix(variants) {
            let gap = tokens[token].range
            let variant = String(decoding: bytes[..<gap.lowerBound] + bytes[gap.upperBound...], as: UTF8.self)
            let other = try explainer.explain(
                variant, predictor: predictor, target: .label(original.target)
            ).valueByPlace
            var squares = 0.0
            var norm = 0.0
            for (place, value) in values where !gap.contains(place) {
                // The same place in the shorter text.
                let moved = other[place < gap.lowerBound ? place : place - gap.count] ?? 0
                squares += (moved - value) * (moved - value)
                norm += value * value
            }
            if norm > 0 { largest = max(largest, (squares / norm).squareRoot()) }
        }
        return largest
    }
}
