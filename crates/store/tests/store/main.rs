//! The store through its public interface.

#[cfg(test)]
mod acts;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod incremental;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod made;
#[cfg(test)]
mod model;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod syncs;
#[cfg(test)]
mod users;
#[cfg(test)]
mod vault;
