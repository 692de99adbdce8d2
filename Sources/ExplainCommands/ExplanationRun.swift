import Base
import CommandKit
import Explainers
import TextModels

/// An explained text.
struct Explained: Sendable {
    var subject: Subject
    var attribution: Attribution
}

/// Works through texts a few at a time on all processors, so that any number needs the same memory.
struct ExplanationRun {
    let title: String
    let ui: UserInterface
    /// Texts at once: enough to keep processors busy while one of them is long.
    private static let together = 16

    init(_ ui: UserInterface, _ title: String = "Explaining") {
        WorkingMemory.keep()
        self.title = title
        self.ui = ui
    }

    /// Calls `body` for all elements in parallel, and `sink` with the results in order.
    func forEach<Element: Sendable, Result: Sendable>(
        _ elements: [Element], _ body: @Sendable (Element) throws -> Result, _ sink: ([Result]) throws -> Void
    ) throws {
        for start in stride(from: 0, to: elements.count, by: ExplanationRun.together) {
            ui.progress.report(title, completed: start, total: elements.count, detail: "")
            let part = elements[start..<min(start + ExplanationRun.together, elements.count)]
            try sink(parallelMap(count: part.count) { try body(part[start + $0]) })
        }
        ui.progress.report(title, completed: elements.count, total: elements.count, detail: "")
    }

    /// Explains the texts, and hands them on in order.
    func explain(
        _ subjects: [Subject], _ explainer: any Explainer, _ predictor: any Predictor, _ target: ExplanationTarget,
        _ sink: ([Explained]) throws -> Void
    ) throws {
        try forEach(
            subjects,
            { subject in
                Explained(
                    subject: subject,
                    attribution: try explainer.explain(subject.text, predictor: predictor, target: target))
            }, sink)
    }
}
