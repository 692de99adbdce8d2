import Base
import Explainers
import Serving

/// What `"explain": true` adds to a prediction: Shapley values of its words (`partition`).
enum PredictionExplanation {
    static func explain(_ generation: Generation, _ text: String) throws -> JSON {
        let attribution = try ExplainerRegistry.explainer("partition").explain(
            text, predictor: QueuedPredictor(generation), target: .predicted)
        let words = attribution.words.map { word -> JSON in
            ["text": .string(word.text), "start": JSON(word.start), "end": JSON(word.end), "value": JSON(word.value)]
        }
        return [
            "method": .string(attribution.method), "target": .string(attribution.target),
            "base": JSON(attribution.base), "words": .array(words),
        ]
    }
}
