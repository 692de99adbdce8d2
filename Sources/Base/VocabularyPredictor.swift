/// A predictor with a list of the words it learnt: what it does not know tells how far a text is from its training.
public protocol VocabularyPredictor: Predictor {
    /// How many words of a text are not on the list, and how many words it has; nil when the model keeps no list.
    func words(in text: String) -> (unknown: Int, all: Int)?
}
