import Base
import Glibc

/// Fresh stat data for entries of an index: some 70 bytes a path, since there may be millions.
public struct IndexUpdates: Sendable {
    private struct Item {
        /// Where the path is in `names`.
        var start: UInt32
        var length: UInt32
        /// The fields of the index: times of change and modification, device, inode, user, group, size.
        var changed: SIMD2<UInt32>
        var modified: SIMD2<UInt32>
        var device: UInt32
        var inode: UInt32
        var user: UInt32
        var group: UInt32
        var size: UInt32
        /// What the entry must still name.
        var blob: GitID
    }

    private var names: [UInt8] = []
    private var items: [Item] = []

    public init() {}

    public var isEmpty: Bool { items.isEmpty }
    public var count: Int { items.count }

    /// - Parameter blob: what the path must still have in the index when it is written.
    public mutating func append(_ path: String, _ status: Files.Status, _ blob: GitID) {
        let start = names.count
        names.append(contentsOf: path.pathBytes)
        func low(_ value: Int64) -> UInt32 { UInt32(truncatingIfNeeded: value) }
        items.append(
            Item(
                start: UInt32(start), length: UInt32(names.count - start),
                changed: [low(status.changedSeconds), low(status.changedNanoseconds)],
                modified: [low(status.modifiedSeconds), low(status.modifiedNanoseconds)],
                device: UInt32(truncatingIfNeeded: status.device), inode: UInt32(truncatingIfNeeded: status.inode),
                user: status.user, group: status.group, size: low(status.size), blob: blob))
    }

    /// An update and where in the index its stat data go.
    struct Place {
        var item: Int
        var offset: Int
    }

    /// Finds the merged entries that are still as expected.
    func places(in index: [UInt8], _ path: String) throws -> (places: [Place], isSplit: Bool) {
        let order = sorted()
        var next = 0
        var places: [Place] = []
        let isSplit = try names.withUnsafeBytes { names in
            try IndexFile.walk(index, path) { raw in
                while next < order.count {
                    let item = items[Int(order[next])]
                    let comparison = IndexUpdates.compare(IndexUpdates.name(item, names), raw.name)
                    if comparison > 0 { return }
                    // Of a conflict there are three entries with the name, and none to be refreshed.
                    if comparison == 0, raw.entry.stage == 0, raw.entry.id == item.blob {
                        places.append(Place(item: Int(order[next]), offset: raw.entry.statOffset))
                    }
                    next += 1
                }
            }
        }
        return (places, isSplit)
    }

    /// The items by path, in git's order.
    private func sorted() -> [UInt32] {
        let order = (0..<UInt32(items.count)).map { $0 }
        return names.withUnsafeBytes { names in
            func isBefore(_ a: UInt32, _ b: UInt32) -> Bool {
                let first = IndexUpdates.name(items[Int(a)], names)
                let second = IndexUpdates.name(items[Int(b)], names)
                let length = min(first.count, second.count)
                if length > 0, let x = first.baseAddress, let y = second.baseAddress {
                    let result = memcmp(x, y, length)
                    if result != 0 { return result < 0 }
                }
                return first.count < second.count
            }
            if zip(order, order.dropFirst()).allSatisfy({ isBefore($0, $1) }) { return order }
            return order.sorted(by: isBefore)
        }
    }

    private static func name(_ item: Item, _ names: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: names[Int(item.start)..<Int(item.start + item.length)])
    }

    /// Below 0 when `first` comes first, 0 when both are the same.
    private static func compare(_ first: UnsafeRawBufferPointer, _ second: [UInt8]) -> Int {
        let length = min(first.count, second.count)
        if length > 0, let start = first.baseAddress {
            let result = Int(memcmp(start, second, length))
            if result != 0 { return result }
        }
        return first.count - second.count
    }

    func patch(_ place: Place, in bytes: inout [UInt8]) {
        let item = items[place.item]
        func put(_ value: UInt32, _ field: Int) {
            for byte in 0..<4 {
                bytes[place.offset + 4 * field + byte] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * byte))
            }
        }
        put(item.changed[0], 0)
        put(item.changed[1], 1)
        put(item.modified[0], 2)
        put(item.modified[1], 3)
        put(item.device, 4)
        put(item.inode, 5)
        put(item.user, 7)
        put(item.group, 8)
        put(item.size, 9)
    }
}
