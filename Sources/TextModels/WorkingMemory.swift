import CVector

/// The memory of a process that works through many texts.
public enum WorkingMemory {
    /// What a text needed stays for the next one, instead of being given back and zeroed again for each.
    public static func keep() { cvector_keep_memory() }
}
