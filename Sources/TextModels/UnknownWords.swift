import Base

extension TextModel: VocabularyPredictor {
    /// Counts the words (tokens, or pieces of a pretrained encoder) that the model has no weights of their own for.
    public func words(in text: String) -> (unknown: Int, all: Int)? {
        switch kind {
        case .linear(let model):
            let words = Tokeniser.words(of: text)
            return (words.count { model.vocabulary.number(of: $0) == 0 }, words.count)
        case .network(let model):
            // Hashed vectors have a row for any word.
            if model.vocabulary.words.isEmpty { return nil }
            let words = model.reader.words(of: text)
            return (words.count { !model.vocabulary.knows($0) }, words.count)
        }
    }
}
