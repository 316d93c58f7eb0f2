//! Data sources from being connected to being removed, against a provider in memory that counts what it is asked.

#[cfg(test)]
mod bed;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod supervising;
