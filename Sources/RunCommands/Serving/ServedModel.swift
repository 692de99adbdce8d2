import Base
import CommandKit
import DataKit
import Ensembles
import ModelKit
import Serving

/// A model that is to be served: opened, but not asked yet.
struct ServedModel {
    /// Where a model comes from. Written out as arguments, so that another process opens the same.
    struct Source {
        /// The full id of a commit; nil for the work tree.
        var commit: String?
        /// A model's folder or an ensemble's file, inside the commit or in the work tree; nil when the commit has one only.
        var path: String?
        /// A program instead of a model.
        var command: String?
        /// Seconds a batch may take a program.
        var timeout = 30.0

        /// The commit that a model outside its repository was taken from.
        var taken: String?

        var version: String { command != nil ? "program" : commit ?? taken ?? "worktree" }
    }

    /// Texts that every model must be able to answer.
    private static let warmUp = [
        "", "A text.", "Some more words, so that every layer has work to do: one, two, three!",
    ]
    /// Beside a model: texts with the answers they must get.
    private static let goldenName = "golden.jsonl"

    let name: String
    let predictor: any Predictor
    /// What its predictions are compared with; nil when nobody knows.
    let reference: ReferenceDistribution?
    /// What it is called in messages.
    private let title: String
    private let golden: GoldenPredictions?

    init(_ source: Source, _ data: DataRepository?, _ ui: UserInterface) throws {
        if let command = source.command {
            (name, title, golden, reference) = ("program", command, nil, nil)
            predictor = try CommandPredictor(command, timeout: source.timeout)
            return
        }
        let words = source.commit.map { [$0] } ?? []
        guard let loaded = try ModelLoader.choose(words, path: source.path, data: data, progress: ui.progress).first
        else { throw MLError(.notFound, "there is no model to serve") }
        name = Files.lastComponent(of: loaded.path).split(separator: ".").first.map(String.init) ?? "model"
        title = loaded.name
        predictor = loaded.predictor
        let golden = try ServedModel.beside(loaded, ServedModel.goldenName, data, ui).map {
            try GoldenPredictions(parsing: $0, name: ServedModel.goldenName)
        }
        self.golden = golden
        reference =
            try ServedModel.reference(loaded, data, ui) ?? golden.map { $0.distribution(loaded.predictor) }
    }

    /// What training wrote down of its data.
    private static func reference(
        _ loaded: ModelLoader.Loaded, _ data: DataRepository?, _ ui: UserInterface
    ) throws -> ReferenceDistribution? {
        guard let bytes = try beside(loaded, ReferenceDistribution.fileName, data, ui) else { return nil }
        do { return try ReferenceDistribution(JSON(parsing: bytes)) } catch {
            ui.warning("there will be no drift: \((error as? MLError)?.message ?? "\(error)")")
            return nil
        }
    }

    /// A file beside the model, in the commit the model is from.
    private static func beside(
        _ loaded: ModelLoader.Loaded, _ name: String, _ data: DataRepository?, _ ui: UserInterface
    ) throws -> [UInt8]? {
        let isFile = loaded.path.hasSuffix(".json") || loaded.path.hasSuffix(".jsonl")
        let folder = isFile ? Files.parent(of: loaded.path) : loaded.path
        let place = folder.isEmpty || folder == "." ? name : folder + "/" + name
        guard let data, let commit = loaded.commit else {
            return Files.exists(place) ? try Files.read(place) : nil
        }
        guard try data.repository.entry(inTree: commit.tree, at: place) != nil else { return nil }
        let progress = ui.progress
        return try data.content(ofTree: commit.tree, path: place, revision: commit.id.hex) {
            try Downloader(data).require($0, progress: progress)
        }
    }

    /// Lets it answer before anybody else asks.
    ///
    /// - Throws: `MLError(.failed)` when it cannot, or gives another answer than the recorded one.
    func check() throws {
        let rows = try predictor.predict(ServedModel.warmUp)
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) && $0.count == predictor.labels.count }) else {
            throw MLError(.failed, "'\(title)' answers with numbers that are not finite")
        }
        try golden?.check(predictor)
    }

    /// Whether it is nothing but memory, so that processes can share it.
    var isShareable: Bool { ServedModel.isShareable(predictor) }

    private static func isShareable(_ predictor: any Predictor) -> Bool {
        if predictor is CommandPredictor { return false }
        if let combined = predictor as? CombinedPredictor { return isShareable(combined.members) }
        if let composite = predictor as? any CompositePredictor {
            return composite.weightedMembers.allSatisfy { isShareable($0.predictor) }
        }
        return true
    }
}
