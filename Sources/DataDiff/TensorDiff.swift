import Base

/// How two versions of a safetensors file differ.
public struct TensorDiff: Hashable, Sendable {
    public struct Changed: Hashable, Sendable {
        public var name: String
        /// Type and shape before and after, such as `F32 [2, 3]`.
        public var old: String
        public var new: String
        /// The largest difference of two values, when type and shape are the same and the type is a float; infinite when
        /// only one of two values is a number.
        public var maximumDifference: Double?
        /// Whether type and shape are the same, so that only values changed.
        public var isOnlyValues: Bool { old == new }
    }

    /// Names, sorted.
    public var added: [String]
    public var removed: [String]
    public var changed: [Changed] = []
    public var unchanged = 0
    public var isMetadataChanged: Bool

    /// Compares two files; values are read for tensors of the same type and shape only.
    ///
    /// - Throws: `NotReadable` when one is no such file; errors of the sources.
    init(_ old: ContentSource, _ new: ContentSource) throws {
        let before = try TensorFile(old)
        let after = try TensorFile(new)
        let known = Dictionary(before.tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        let names = Set(after.tensors.map(\.name))
        added = after.tensors.map(\.name).filter { known[$0] == nil }
        removed = before.tensors.map(\.name).filter { !names.contains($0) }
        isMetadataChanged = !before.metadata.elementsEqual(after.metadata) { $0 == $1 }
        for tensor in after.tensors {
            guard let other = known[tensor.name] else { continue }
            let (a, b) = ("\(other.dtype) \(other.shape)", "\(tensor.dtype) \(tensor.shape)")
            guard a == b, other.range.count == tensor.range.count else {
                changed.append(Changed(name: tensor.name, old: a, new: b))
                continue
            }
            let (isEqual, difference) = try TensorDiff.compare(other, before.source, tensor, after.source)
            if isEqual {
                unchanged += 1
            } else {
                changed.append(Changed(name: tensor.name, old: a, new: b, maximumDifference: difference))
            }
        }
    }

    private static func compare(
        _ a: TensorFile.Tensor, _ first: ContentSource, _ b: TensorFile.Tensor, _ second: ContentSource
    ) throws -> (isEqual: Bool, difference: Double?) {
        let format = FloatFormat(rawValue: a.dtype)
        var isEqual = true
        var largest = 0.0
        var offset: Int64 = 0
        let count = Int64(a.range.count)
        while offset < count {
            let length = Int(min(Int64(ContentSource.step), count - offset))
            let one = try first.read(at: a.range.lowerBound + offset, length: length)
            let other = try second.read(at: b.range.lowerBound + offset, length: length)
            offset += Int64(length)
            if one == other { continue }
            isEqual = false
            guard let format else { return (false, nil) }
            one.withUnsafeBytes { x in
                other.withUnsafeBytes { y in
                    for place in stride(from: 0, through: min(x.count, y.count) - format.width, by: format.width) {
                        let (u, v) = (format.value(x, at: place), format.value(y, at: place))
                        if u == v || (u.isNaN && v.isNaN) { continue }
                        let difference = abs(u - v)
                        largest = max(largest, difference.isNaN ? .infinity : difference)
                    }
                }
            }
        }
        return (isEqual, isEqual ? nil : format.map { _ in largest })
    }
}
