import Base

/// Which stages to look at, and how.
public struct ReproOptions: Sendable {
    /// Stages, groups, pipeline files or outputs; none means all stages of the pipeline file in `folder`.
    public var targets: [String] = []
    /// Where the user stands; paths in targets start there.
    public var folder = "."
    /// Targets are patterns.
    public var isGlob = false
    /// `-P`: all stages of all files.
    public var allPipelines = false
    /// Only stages with this tag (`meta.mlrun.tags`); what they need still counts.
    public var tag: String?
    /// `-p`: everything connected with the targets.
    public var pipeline = false
    /// `-R`: all stages of files in and below the folders named as targets.
    public var recursive = false
    /// `-s`: the targets alone.
    public var singleItem = false
    /// `--downstream`: the targets and what comes after, nothing before.
    public var downstream = false
    /// `-f`
    public var force = false
    /// `--force-downstream`: what comes after a stage that ran runs too, even when it was given the same bytes.
    public var forceDownstream = false
    /// `-k`: go on with stages that do not need the failed one.
    public var keepGoing = false
    /// `--ignore-errors`: go on with all stages.
    public var ignoreErrors = false
    /// Restore outputs of earlier runs with the same key.
    public var useRunCache = true
    /// Outputs that are not there count as those of the record.
    public var allowMissing = false
    /// Put outputs into the object store (`--no-commit` switches it off).
    public var storesOutputs = true

    /// `-j`: how many processors stages may use together; a stage uses one unless `resources.cpus` says more.
    public var jobs = 1
    /// Where stages run, whatever they say themselves.
    public var executor: String?
    /// Where locks of stages are kept; nil for none.
    public var lockFolder: String?

    public init() {}

    /// The stages in running order.
    ///
    /// - Throws: `MLError(.notFound)` for a target that is nothing.
    public func order(in graph: StageGraph) throws -> [Int] {
        var roots = try self.roots(in: graph)
        if pipeline { roots = graph.component(of: roots).sorted() }
        if singleItem { return roots }
        if downstream {
            let all = graph.descendants(of: roots)
            return graph.postOrder(from: all.sorted(), within: all)
        }
        return graph.postOrder(from: roots)
    }

    /// The stages that targets name, without those they need.
    public func roots(in graph: StageGraph) throws -> [Int] {
        let found = try chosen(in: graph)
        guard let tag else { return found }
        let tagged = found.filter { graph.stages[$0].settings.tags.contains(tag) }
        if tagged.isEmpty {
            let known = Set(graph.stages.flatMap(\.settings.tags)).sorted()
            throw MLError(.notFound, "no stage has the tag '\(tag)'", hints: NearestName.hints(tag, in: known))
        }
        return tagged
    }

    private func chosen(in graph: StageGraph) throws -> [Int] {
        if allPipelines { return Array(graph.stages.indices) }
        if targets.isEmpty && !recursive {
            return graph.stages.indices.filter { RepositoryPath.folder(of: graph.stages[$0].file) == folder }
        }
        var roots: [Int] = []
        for target in targets.isEmpty ? ["."] : targets {
            let found: [Int]
            if recursive, let path = try? RepositoryPath.normalize(target, in: folder),
                case let inside = graph.stages.indices.filter({ RepositoryPath.isInside(graph.stages[$0].file, path) }),
                !inside.isEmpty
            {
                found = inside
            } else {
                found = try graph.resolve(target: target, in: folder, isGlob: isGlob)
            }
            roots += found.filter { !roots.contains($0) }
        }
        return roots
    }
}
