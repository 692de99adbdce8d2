import Base

extension TextModel: LinearPredictor {
    /// The linear form of a linear model over the text's tokens; of two classes, the margin of the target over the other
    /// one. An n-gram's weight is split evenly over the tokens it covers.
    ///
    /// - Throws: `MLError(.invalidInput)` for a network.
    public func linearForm(of text: String, target: Int) throws -> LinearForm {
        guard case .linear(let model) = kind else {
            throw MLError(
                .invalidInput, "'linear' needs a linear model, and this one is a network",
                hint: "'partition' or 'permutation' work with any model")
        }
        let tokens = Tokeniser.tokens(of: text)
        // One row of weights speaks for the second of two classes.
        let row = model.weights.count == 1 ? 0 : target
        let sign = model.weights.count == 1 && target == 0 ? -1.0 : 1.0
        var weights = [Double](repeating: 0, count: tokens.count)
        for (feature, places) in model.vocabulary.occurrences(in: tokens.map(\.text)) {
            let share = sign * Double(model.weights[row][Int(feature)]) / Double(places.count)
            for place in places { weights[place] += share }
        }
        let features = zip(tokens, weights).enumerated().map { place, word in
            LinearForm.Feature(
                name: "\(word.0.text)@\(place)", weight: word.1, value: 1, occurrences: [word.0.range])
        }
        return LinearForm(intercept: sign * Double(model.biases[row]), features: features)
    }
}
