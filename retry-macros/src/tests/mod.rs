mod fuzz;
mod snapshots;
mod table;
