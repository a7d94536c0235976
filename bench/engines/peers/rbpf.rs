// SPDX-License-Identifier: Apache-2.0
// Runner of `npm run bench -- engines` for rbpf's JIT (https://github.com/qmonnet/rbpf): CODE-FILE MEMORY-FILE LENGTH COUNT.
// As src/main.rs of a crate with the dependency `rbpf`, built with `cargo build --release`:
//   RBPF=target/release/rbpf-runner npm run bench -- engines
extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

/// Processor time in nanoseconds (CLOCK_PROCESS_CPUTIME_ID of Linux).
fn now() -> f64 {
    let mut time = [0i64; 2];
    unsafe { clock_gettime(2, &mut time) };
    time[0] as f64 * 1e9 + time[1] as f64
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut memory = std::fs::read(&args[2]).unwrap();
    // rbpf passes no length: an instruction before the others does, `r2 = length`.
    let mut code = vec![0xb7, 0x02, 0, 0];
    code.extend(args[3].parse::<i32>().unwrap().to_le_bytes());
    code.extend(std::fs::read(&args[1]).unwrap());
    let count: u64 = args[4].parse().unwrap();
    let mut vm = rbpf::EbpfVmRaw::new(Some(&code)).unwrap();
    vm.jit_compile().unwrap();
    let (pointer, size) = (memory.as_mut_ptr(), memory.len());
    let mut run = || unsafe { vm.execute_program_jit(std::slice::from_raw_parts_mut(pointer, size)).unwrap() };
    let r0 = run();
    let all = unsafe { std::slice::from_raw_parts(pointer, size) };
    let hash = all.iter().fold(0xcbf29ce484222325u64, |hash, &byte| (hash ^ byte as u64).wrapping_mul(0x100000001b3));
    for _ in 0..count / 8 {
        run();
    }
    let start = now();
    for _ in 0..count {
        run();
    }
    let ns = if count > 0 { (now() - start) / count as f64 } else { 0.0 };
    println!("{r0:016x} {hash:016x} {ns:.4}");
}
