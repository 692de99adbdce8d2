import Base
import DataKit
import TextModels

/// A model as the teacher of another one (Hinton, Vinyals & Dean 2015): its probabilities for the training texts stand in
/// the place of the labels.
public struct Lesson {
    private let teacher: ModelLoader.Loaded
    private let share: Double

    /// - Parameters:
    ///   - name: a revision, `REV:PATH`, or a path.
    ///   - share: how much the teacher counts, in (0, 1]; the labels count the rest.
    ///   - commit: where a teacher of the same commit is looked up; nil for the work tree.
    public init(_ name: String, share: Double, _ progress: any ProgressReporter, at commit: String? = nil) throws {
        guard share > 0, share <= 1 else {
            throw MLError(.usage, "the teacher's share must be above 0 and at most 1, not \(share)")
        }
        let loader = ModelLoader(try DataRepository(), progress: progress)
        teacher = try commit.map { try loader.load(revision: $0, path: name) } ?? loader.loadAny(name)
        self.share = share
    }

    /// The lesson that a model remembers.
    ///
    /// - Parameter commit: of the model.
    public init?(_ provenance: JSON, at commit: String, _ progress: any ProgressReporter) throws {
        guard let own = provenance["teacher"], let path = own["path"]?.stringValue else { return nil }
        try self.init(
            path, share: own["share"]?.doubleValue ?? 1, progress, at: own["commit"]?.stringValue ?? commit)
    }

    /// What the pupil remembers: a teacher without a commit lies in the commit of the pupil.
    public var json: JSON {
        [
            "commit": teacher.commit.map { .string($0.id.hex) } ?? .null, "path": .string(teacher.path),
            "share": JSON(share),
        ]
    }

    /// The texts with the teacher's shares of the classes.
    public func taught(_ data: Dataset, _ spec: ModelSpec) throws -> Dataset {
        guard spec.predict.output == .softmax else {
            throw MLError(.invalidInput, "a teacher gives shares of classes, the model predicts by another way")
        }
        let labels = Set(data.labels).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let places = labels.compactMap { teacher.predictor.labels.firstIndex(of: $0) }
        guard places.count == labels.count, teacher.predictor.labels.count == labels.count else {
            throw MLError(
                .invalidInput,
                "the teacher has the labels \(teacher.predictor.labels.joined(separator: ", ")), the training data has "
                    + labels.joined(separator: ", "))
        }
        let truth = try Evaluation.indices(of: data.labels, in: labels, name: "training data")
        var taught = data
        let shares = zip(try teacher.predictor.predict(data.texts), truth).map { row, label in
            let sum = places.reduce(0) { $0 + row[$1] }
            return places.enumerated().map { share * row[$1] / sum + (1 - share) * ($0 == label ? 1 : 0) }
        }
        if case .ngrams = spec.embed {
            // A linear model learns from one class a text: the one that is most probable.
            taught.labels = shares.map { labels[Evaluation.argmax($0)] }
        } else {
            taught.shares = shares
        }
        return taught
    }
}
